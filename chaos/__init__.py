"""Saleproof's experiment runner. It knows nothing about any particular shop: a target file says everything."""

__version__ = "0.1.0"
