"""Texts with labels: where they come from, how they are split, become token ids, and are scored; the linear baseline.

Batches of them are made by the trainer, in `trainers.awd_lstm.network`.
"""

__all__ = [
    "baseline",
    "column_names",
    "corpus",
    "delimited",
    "encodings",
    "frames",
    "grams",
    "metrics",
    "regressions",
    "table_files",
    "tabular",
    "tokens",
    "unlabelled",
    "vocabulary",
]
