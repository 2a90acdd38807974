"""The options of each config group, found by name: ours, those of installed packages, and those of a user's modules.

What an option does is told by its own class, in the room that implements it: one module, and one file in conf/.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypeVar

from hpo.machine.modules import import_typed

ROOMS = ("config", "data", "executors", "search", "storage", "tracking", "trainers")  # that hold options
ENTRY_POINTS = "hpo.options"  # the group in which an installed package names its modules of options

_options: dict[str, dict[str, type[Option]]] = {}


class Option(ABC):  # noqa: B024, what is abstract is up to the groups
    """One choice of a config group: settings that answer for themselves, as its group's base class says.

    What is abstract in that base class is what every option of the group must say for itself.

    Attributes:
        option: Its name within its group, as in sampler=tpe.
    """

    option = ""


Choice = TypeVar("Choice", bound=Option)


def option(group: str, name: str) -> Callable[[type[Choice]], type[Choice]]:
    """Returns the decorator of the dataclass that is the option `name` of `group`.

    Its module imports nothing heavy but inside its methods: it is loaded for every command.

    Raises:
        ValueError: if another class is that option, or the class does not say what its group asks for.
    """

    def register(chosen: type[Choice]) -> type[Choice]:
        earlier = _options.setdefault(group, {}).get(name)
        if earlier is not None and (earlier.__module__, earlier.__name__) != (chosen.__module__, chosen.__name__):
            raise ValueError(f"{group}={name} is an option of {earlier.__module__} already; give it another name.")
        if lacking := sorted(chosen.__abstractmethods__):
            raise ValueError(f"{group}={name} is {chosen.__name__}, which lacks {', '.join(lacking)}; define it.")
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

    They are looked for in the working directory, too.

    Raises:
        ValueError: if one cannot be imported, or has no options.
    """
    options()
    for module in modules:
        _load(module, f"plugins=[{module}]", folder=str(Path.cwd()))
        declaring = {cls.__module__ for group in _options.values() for cls in group.values()}
        if not any(name == module or name.startswith(f"{module}.") for name in declaring):
            raise ValueError(f"plugins=[{module}] has no options; an option is a dataclass below @option(GROUP, NAME).")


def plugin_options(modules: Sequence[str]) -> dict[str, dict[str, str]]:
    """Returns what the options are that are not this package's, by group and name; without any, nothing is loaded.

    Args:
        modules: As in `load_plugins`.

    Raises:
        ValueError: as `load_plugins` does.
    """
    if not modules and not entry_points(group=ENTRY_POINTS):
        return {}
    load_plugins(modules)
    return {
        group: {name: _purpose(cls) for name, cls in classes.items() if not cls.__module__.startswith("hpo.")}
        for group, classes in _options.items()
    }


def _purpose(cls: type[Option]) -> str:
    """Returns the first line of a class's own docstring; a dataclass without one has its signature there."""
    text = (cls.__doc__ or "").strip()
    return "" if text.startswith(f"{cls.__name__}(") else text.partition("\n")[0]


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


def _load(module: str, source: str, folder: str | None = None) -> None:
    try:
        import_typed(module, folder)
    except ValueError as error:
        advice = "; name a module as Python imports it" if isinstance(error.__cause__, ModuleNotFoundError) else ""
        raise ValueError(f"{source} cannot be imported: {error}{advice}.") from error
