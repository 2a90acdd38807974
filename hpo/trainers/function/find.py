"""A user's training function: found by its name, and what it takes.

Calling it is `trainer`'s business.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hpo.machine.files import hash_bytes
from hpo.machine.modules import import_typed

RESERVED = ("seed", "epochs", "device", "threads", "folder", "resume", "on_epoch")
"""What a function is given where it names it; no param can have such a name."""

NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
SHAPES = "yield a dict of metrics after every epoch, or take on_epoch and call it with one"

_given: dict[str, Call] = {}


class Stop(Exception):
    """Ends a training function from within `on_epoch`: its trial was pruned, or is to pause. Let it pass."""


@dataclass(frozen=True)
class Call:
    """A training function, and the test that stands beside it.

    Attributes:
        name: How it was typed.
        train: The function.
        test: Returns test metrics of what `train` left in its folder; None where there is none.
        is_given: Whether Python gave it, not a name.
    """

    name: str
    train: Callable[..., Any]
    test: Callable[..., Any] | None = None
    is_given: bool = False

    @cached_property
    def arguments(self) -> dict[str, inspect.Parameter]:
        """What it takes by name."""
        return _named(self.train)

    @property
    def takes_anything(self) -> bool:
        """Whether it takes params that it does not name."""
        return _takes_anything(self.train)

    @property
    def params(self) -> list[str]:
        """The arguments that are no reserved words."""
        return [name for name in self.arguments if name not in RESERVED]

    @property
    def needed(self) -> list[str]:
        """The params without a default."""
        return [name for name in self.params if self.arguments[name].default is inspect.Parameter.empty]

    @property
    def resumes(self) -> bool:
        """Whether it goes on from what it left in its folder."""
        return {"folder", "resume"} <= set(self.arguments)

    @property
    def sha256(self) -> str:
        """The hash of the file that defines it; of its own text, and all it is bound to, where Python gave it."""
        function = inspect.unwrap(self.train)
        if not self.is_given:
            try:
                return hash_bytes(Path(inspect.getsourcefile(function) or "").read_bytes())
            except (OSError, TypeError):
                pass
        return hash_bytes("\n".join(_texts(function)).encode())

    def given(self, function: Callable[..., Any], offered: Mapping[str, object]) -> dict[str, object]:
        """Returns those of the values on offer that `function`, its training or its test, takes."""
        named, takes_anything = _named(function), _takes_anything(function)
        return {
            name: value for name, value in offered.items() if name in named or (takes_anything and name not in RESERVED)
        }


def give_call(call: Call) -> None:
    """Makes a function known in this process alone by its name, which need not be one that can be imported."""
    _given[call.name] = call


def find_call(name: str, folder: str) -> Call:
    """Returns the function that `trainer.call` names.

    Args:
        name: MODULE:FUNCTION.
        folder: Where modules are looked for, beside where Python finds them.

    Raises:
        ValueError: in a sentence, if it cannot be found or used.
    """
    if name in _given:
        return _given[name]
    if not NAME.fullmatch(name) or ".py:" in name:
        plain = re.sub(r"\.py\b", "", name.replace("/", ".")).strip(".:")
        dotted = ":".join(plain.rsplit(".", 1))  # module.function
        meant = next(filter(NAME.fullmatch, (plain, dotted)), f"{plain or 'mymodule'}:train")
        raise ValueError(f"trainer.call={name} is no MODULE:FUNCTION; name both as Python does: trainer.call={meant}.")
    module, _, path = name.partition(":")
    if module == "__main__":
        raise ValueError(
            f"trainer.call={name} is defined in a notebook or a shell, where no other process finds it; "
            "use executor=inline, or put it into a module, as in trainer.call=mymodule:train."
        )
    try:
        found: Any = import_typed(module, folder)
    except ValueError as error:
        top, cause = module.partition(".")[0], error.__cause__
        is_away = isinstance(cause, ModuleNotFoundError) and cause.name == top
        advice = f"; start where {top}.py is, or give that folder as trainer.path=FOLDER" if is_away else ""
        raise ValueError(f"trainer.call={name}: {module} cannot be imported: {error}{advice}.") from error
    train = _attribute(found, path)
    if not callable(train):
        close = difflib.get_close_matches(path, [key for key, value in vars(found).items() if callable(value)], n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(f"trainer.call={name}: {module} has no function {path}{meant}; name one that trains.")
    test = _attribute(found, "test")
    return _checked(Call(name, train, test if callable(test) else None))


def name_call(train: Callable[..., Any], test: Callable[..., Any] | None, *, is_inline: bool) -> tuple[str, str]:
    """Returns the name of a function that is there already, and the folder that has its module.

    Args:
        train, test: The function, and the test that belongs to it.
        is_inline: Whether this process alone is to find it, where it is made known.

    Raises:
        ValueError: in a sentence, if other processes could not find it, or it cannot be used.
    """
    if not callable(train):
        raise ValueError(f"{train!r} is no function; give one that trains.")
    inner = train.func if isinstance(train, partial) else train
    home = sys.modules.get(getattr(inner, "__module__", ""))
    module, path = getattr(inner, "__module__", "__main__"), getattr(inner, "__qualname__", type(inner).__qualname__)
    file = getattr(home, "__file__", None)
    if module == "__main__" and file:  # a script: its file is a module, too
        module = Path(file).stem
    name = f"{module}:{path.rpartition('>.')[2]}"
    call = _checked(Call(name, train, test, is_given=True))
    folder = str(Path(file).parent) if file and "." not in module else "."
    give_call(call)
    if is_inline:
        return name, folder
    if module == "__main__" or _attribute(home, path) is not train:
        raise ValueError(
            f"{path} is bound to something, or defined in a notebook, a shell or another function, where no other "
            "process finds it; "
            "use executor='inline', or put it into a module and import it."
        )
    if test is not None and getattr(test, "__name__", "") != "test":
        raise ValueError(
            f"Other processes find a test by its name: call it test, beside {path}, or use executor='inline'."
        )
    return name, folder


def _texts(function: Any) -> Iterator[str]:
    """Yields the text of a function, and what it is bound to: arguments, what it encloses, its object."""
    if isinstance(function, partial):
        yield repr((function.args, sorted(function.keywords.items())))
        yield from _texts(function.func)
        return
    code: Any = getattr(function, "__code__", None)
    try:
        yield inspect.getsource(function)
    except (OSError, TypeError):
        yield repr((code.co_code, code.co_consts, code.co_names)) if code else repr(function)
    for cell in getattr(function, "__closure__", None) or ():
        yield repr(cell.cell_contents)
    bound = getattr(function, "__self__", None)
    if bound is not None:
        yield repr(vars(bound)) if hasattr(bound, "__dict__") else repr(bound)


def _checked(call: Call) -> Call:
    if inspect.isclass(call.train):
        raise ValueError(f"trainer.call={call.name} is a class; name a function, or a method of an object.")
    if not call.takes_anything and "on_epoch" not in call.arguments and not _may_yield(call.train):
        raise ValueError(f"trainer.call={call.name} reports no epoch: it has to {SHAPES}.")
    return call


def _attribute(found: Any, path: str) -> Any:
    for part in path.split("."):
        found = getattr(found, part, None)
    return found


def _may_yield(function: Callable[..., Any]) -> bool:
    """Returns whether calling `function` may give an iterator: a plain function without a decorator tells."""
    inner = inspect.unwrap(function)
    is_lambda = getattr(inner, "__name__", "") == "<lambda>"  # which cannot yield, and may return what does
    return is_lambda or inspect.isgeneratorfunction(inner) or inner is not function or not inspect.isfunction(function)


def _takes_anything(function: Callable[..., Any]) -> bool:
    return any(one.kind is one.VAR_KEYWORD for one in inspect.signature(function).parameters.values())


def _named(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: one for name, one in inspect.signature(function).parameters.items() if one.kind in kinds}
