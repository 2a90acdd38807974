"""The dimensions of a search space as Python writes them: `hpo.Float(1e-4, 1e-1, log=True)`.

The same in YAML is in conf/space; what is refused of them is `space.read`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.config.search import ParamValue


@dataclass(frozen=True)
class Float:
    """A real number from `low` to `high`, both included.

    Attributes:
        low, high: The bounds.
        log: Whether it is searched on a log scale.
        step: Only low, low + step, ... are tried; None for any number.
        levels: The values that sampler="grid" visits; None for four evenly spaced ones.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    levels: Sequence[float] | None = None


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included; see `Float`."""

    low: int
    high: int
    log: bool = False
    step: int | None = None
    levels: Sequence[int] | None = None


@dataclass(frozen=True)
class Categorical:
    """One of `choices`: numbers, texts, booleans or None."""

    choices: Sequence[ParamValue]


Dimension = Float | Int | Categorical


def describe_space(space: Mapping[str, Dimension]) -> dict[str, object]:
    """Returns the settings of each dimension, by section and name: `train.epochs` by its path, all else an argument.

    Raises:
        ValueError: for what is no dimension.
    """
    if not isinstance(space, Mapping):
        raise ValueError(f"space={space!r} is no dict; give one, as in {{'lr': hpo.Float(1e-4, 1e-1, log=True)}}.")
    sections: dict[str, dict[str, object]] = {}
    for name, dimension in space.items():
        section, dot, inner = name.rpartition(".")
        sections.setdefault(section if dot else "params", {})[inner] = _describe(name, dimension)
    return dict(sections)


def _describe(name: str, dimension: object) -> dict[str, object]:
    match dimension:
        case Categorical(choices):
            return {"type": "categorical", "choices": list(choices)}
        case Float(low, high, log, step, levels) | Int(low, high, log, step, levels):
            is_grid = not levels and step is None and isinstance(dimension, Float)
            given = {"step": step, "levels": list(levels) if levels else None, "n_levels": 4 if is_grid else None}
            kind = "float" if isinstance(dimension, Float) else "int"
            return {"type": kind, "low": low, "high": high, "log": log} | {
                k: v for k, v in given.items() if v is not None
            }
    raise ValueError(
        f"space[{name!r}]={dimension!r} is no dimension; give hpo.Float(low, high), hpo.Int(low, high) or "
        "hpo.Categorical(choices)."
    )
