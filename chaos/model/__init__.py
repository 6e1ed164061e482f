"""The nouns and the contracts. No I/O, and nothing heavy to import. One file a noun."""
