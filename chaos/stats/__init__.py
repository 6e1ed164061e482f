"""The formulas that verdicts stand on. A leaf: values in, values out; nothing of the rest is imported."""
