"""Hyperparameter optimisation experiments one can believe.

The rooms are in docs/architecture.md; `hpo --help` says how to use them.
"""

__version__ = "0.1.0"
