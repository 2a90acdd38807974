"""Importing fastai without its warnings, and without the large packages that only its other parts use.

Half of what `import fastai` takes is pyplot, scikit-learn and scipy, for functions nothing here calls; should anybody
call one, its package is imported then.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from operator import attrgetter
from types import ModuleType
from typing import Any

LATER = (
    "matplotlib.pyplot",
    "scipy.ndimage",
    "scipy.stats",
    "sklearn",
    "sklearn.metrics",
    "sklearn.model_selection",
)
_AT_ONCE = ("Axes", "Figure", "subplots", "train_test_split")  # taken while fastai is imported, used by no import


@contextmanager
def fastai_import() -> Iterator[None]:
    """Lets fastai be imported within."""
    absent = [name for name in LATER if name not in sys.modules]
    sys.modules.update({name: _Later(name) for name in absent})
    try:
        with warnings.catch_warnings():
            # fastai/layers.py:552 decorates with torch.jit.script; fastai/tabular/core.py:17 sets a pandas option.
            message = r"`torch\.jit\.script` is deprecated"
            warnings.filterwarnings("ignore", message=message, category=DeprecationWarning)
            warnings.filterwarnings("ignore", message="The 'mode.chained_assignment' option is deprecated")
            yield
    finally:
        for name in absent:
            if isinstance(sys.modules.get(name), _Later):
                del sys.modules[name]


class _Later(ModuleType):
    """Stands for a module until something of it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        within = sys.modules.get(f"{self.__name__}.{name}")
        if isinstance(within, _Later):
            return within
        return _Named(self, name) if name in _AT_ONCE else getattr(self.real(), name)

    def real(self) -> ModuleType:
        """Returns the module it stands for."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return import_module(self.__name__)


class _Named:
    """Stands for a function or a class of such a module, or what is in the class, until it is called."""

    def __init__(self, module: _Later, path: str) -> None:
        self._module, self._path = module, path

    def __getattr__(self, name: str) -> _Named:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Named(self._module, f"{self._path}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return attrgetter(self._path)(self._module.real())(*args, **kwargs)
