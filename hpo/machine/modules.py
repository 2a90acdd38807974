"""Modules that somebody typed the name of: the only code that is imported because of what was given; and the script.

Nothing that is read from a record, a report, a model's folder or a table may come here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

from hpo.machine.errors import first_line


def import_typed(module: str, folder: str | None = None) -> ModuleType:
    """Returns the module of that name, looked for in `folder`, too, where one is given.

    Raises:
        ValueError: saying in a few words why it cannot be imported.
    """
    if folder is not None and folder not in sys.path:
        sys.path.append(folder)
    try:
        return import_module(module)
    except (Exception, SystemExit) as error:  # whatever a module of somebody else raises
        reason = first_line(error)
        is_plain = isinstance(error, ImportError) or not str(error).strip()
        raise ValueError(reason if is_plain else f"{type(error).__name__}: {reason}") from error


@contextmanager
def main_aside() -> Iterator[None]:
    """Starts processes that do not run the user's script again: ours need nothing of it, and it need not be guarded.

    multiprocessing finds the script by these two attributes of its module.
    """
    main = sys.modules["__main__"]
    aside: dict[str, object] = {name: vars(main)[name] for name in ("__file__", "__spec__") if name in vars(main)}
    vars(main).pop("__file__", None)
    vars(main)["__spec__"] = None
    try:
        yield
    finally:
        vars(main).update(aside)
