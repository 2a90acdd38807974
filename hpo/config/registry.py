"""The options of each config group, found by name: ours, those of installed packages, and those of a user's modules.

What an option does is told by its own class, in the room that implements it: one module, and one file in conf/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeVar

ROOMS = ("config", "data", "executors", "search", "storage", "tracking", "trainers")  # that hold options
ENTRY_POINTS = "hpo.options"  # the group in which an installed package names its modules of options

_options: dict[str, dict[str, type[Option]]] = {}


class Option:
    """One choice of a config group: settings that answer for themselves, as its group's base class says.

    Attributes:
        option: Its name within its group, as in sampler=tpe.
    """

    option = ""


Choice = TypeVar("Choice", bound=Option)


def option(group: str, name: str) -> Callable[[type[Choice]], type[Choice]]:
    """Returns the decorator of the dataclass that is the option `name` of `group`.

    Its module imports nothing heavy but inside its methods: it is loaded for every command.

    Raises:
        ValueError: if another class is that option.
    """

    def register(chosen: type[Choice]) -> type[Choice]:
        earlier = _options.setdefault(group, {}).get(name)
        if earlier is not None and (earlier.__module__, earlier.__name__) != (chosen.__module__, chosen.__name__):
            raise ValueError(f"{group}={name} is an option of {earlier.__module__} already; give it another name.")
        chosen.option = name
        _options[group][name] = chosen
        return chosen

    return register


def options() -> Mapping[str, Mapping[str, type[Option]]]:
    """Returns the class of every option, by group and name.

    Raises:
        ValueError: if an installed package's options cannot be loaded.
    """
    _load_installed()
    return _options


def load_plugins(modules: Sequence[str]) -> None:
    """Loads the modules of options that somebody typed; nothing that is read from anywhere may come here.

    Raises:
        ValueError: if one cannot be imported, or has no options.
    """
    options()
    for module in modules:
        _load(module, f"plugins=[{module}]")
        declaring = {cls.__module__ for group in _options.values() for cls in group.values()}
        if not any(name == module or name.startswith(f"{module}.") for name in declaring):
            raise ValueError(f"plugins=[{module}] has no options; an option is a dataclass below @option(GROUP, NAME).")


@cache
def _load_installed() -> None:
    for module in _own_modules():
        import_module(module)
    for entry in entry_points(group=ENTRY_POINTS):
        _load(
            entry.module, f"The options that {entry.dist.name if entry.dist else 'a package'} brings, {entry.module},"
        )


def _own_modules() -> list[str]:
    """Returns the modules of this package that declare an option, by name: they stand in rooms above this one."""
    package = Path(__file__).parents[1]
    paths = (path for room in ROOMS for path in sorted((package / room).rglob("*.py")))
    declaring = (path for path in paths if "\n@option(" in path.read_text("utf-8"))
    return [".".join(("hpo", *path.relative_to(package).with_suffix("").parts)) for path in declaring]


def _load(module: str, shown: str) -> None:
    try:
        import_module(module)
    except (Exception, SystemExit) as error:  # whatever a module of somebody else raises
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
        raise ValueError(f"{shown} cannot be imported: {reason}; name a module as Python imports it.") from error
