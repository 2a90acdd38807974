"""The trainer of linear models of n-grams: what it fits, what it leaves, what a kept one says of texts.

What an n-gram counts and how a regression is fitted is the business of `data`.
"""

__all__ = ["model"]
