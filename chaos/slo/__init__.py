"""Error budgets, what they cost, and the rules that watch them. Pure: a leaf, as the statistics are."""
