"""Experiments as the report reads them: from the record, or from CSV files of trials of whatever tuner.

What follows from them is computed in `analysis`.
"""

__all__ = ["carried", "membership", "record", "scales"]
