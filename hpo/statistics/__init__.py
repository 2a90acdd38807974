"""Tests, intervals and effect sizes on plain arrays, each with its source.

What is compared with them is decided in `report.analysis`.
"""

__all__ = [
    "bootstrap",
    "equality",
    "expected_best",
    "interval",
    "paired",
    "power",
    "proportion",
    "sequential",
    "shrinkage",
    "signed_rank",
]
