"""Hyperparameter optimisation experiments one can believe.

The modules are flat, one noun each; `python -m hpo --help` says how to use them.
"""

__version__ = "0.1.0"
