"""Hyperparameter optimisation experiments one can believe.

The rooms are in docs/architecture.md; `python -m hpo --help` says how to use them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpo.api.functions import Stop as Stop

__version__ = "0.1.0"
__all__ = ["Stop", "__version__"]


def __getattr__(name: str) -> Any:
    """Returns a public name, whose module is imported when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'hpo' has no attribute {name!r}")
    from hpo.api import functions

    return next(getattr(module, name) for module in (functions,) if hasattr(module, name))


def __dir__() -> list[str]:
    return sorted(__all__)
