"""The record: Optuna's storages, opened, read, written, claimed by one driver, copied.

What is decided from it is the business of `study`.
"""

__all__ = [
    "address",
    "checks",
    "claims",
    "copies",
    "damage",
    "enduring",
    "foreign",
    "learnt",
    "options",
    "record",
    "store",
    "study_tests",
]
