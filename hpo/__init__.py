"""Hyperparameter optimisation experiments one can believe.

The rooms are in docs/architecture.md; `python -m hpo --help` says how to use them.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.1.0"
_HOMES = {
    "comparisons": ["Comparison", "Report", "compare", "report"],
    "models": ["Model", "load_model"],
    "composing": ["Refused"],
    "functions": ["Stop", "fastai_callback"],
    "spaces": ["Categorical", "Float", "Int"],
    "running": ["open_study", "run", "search"],
    "study": ["Study"],
}
_HOME = {name: f"hpo.api.{module}" for module, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME)  # a list of names
_ROOMS = ("compare", "report", "search")  # packages, too, that can be called like functions


class _Room(ModuleType):
    """A package that is called as the public function of its name: `hpo.search(...)`, as well as `hpo.search.grid`."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = self.__name__.rpartition(".")[2]
        return getattr(import_module(_HOME[name]), name)(*args, **kwargs)


class _Package(ModuleType):
    """This package: a public name is imported when it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        if name in _ROOMS:
            return import_module(f"hpo.{name}")
        if name in _HOME:
            return getattr(import_module(_HOME[name]), name)
        raise AttributeError(f"module 'hpo' has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ROOMS and isinstance(value, ModuleType):  # it was imported just now
            value.__class__ = _Room
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted([*_HOME, "__version__"])


sys.modules[__name__].__class__ = _Package
