"""The search space: every tunable dimension by its config path, for every sampler.

From one description come Optuna's distributions, the grid's cells and the unit cube; what
proposes params is the samplers' business.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpo.config.search import ParamValue
from hpo.space.prior import Prior

MAX_CELLS = 100_000
MAX_VALUES = 1000

Distributions = Mapping[str, BaseDistribution]
"""Optuna's description of a space: a distribution by the path of each param."""


@dataclass(frozen=True)
class Condition:
    """A param is active only while the param at `path` has one of `values`."""

    path: str
    values: tuple[ParamValue, ...]


@dataclass(frozen=True)
class Param:
    """One tunable dimension.

    Attributes:
        path: Its name: the config path it sets.
        distribution: Optuna's description of its values.
        levels: The values the grid visits; empty when a grid over it is impossible.
        when: The condition under which it is active; None means always.
        prior: What is believed of its best value; None if nothing is.
    """

    path: str
    distribution: BaseDistribution
    levels: Sequence[ParamValue]
    when: Condition | None = None
    prior: Prior | None = None

    def is_active(self, params: Mapping[str, ParamValue], fixed: Mapping[str, ParamValue]) -> bool:
        if self.when is None:
            return True
        return params.get(self.when.path, fixed.get(self.when.path)) in self.when.values

    @property
    def choices(self) -> tuple[ParamValue, ...] | None:
        """The values of a categorical param; None for a number."""
        return tuple(self.distribution.choices) if isinstance(self.distribution, CategoricalDistribution) else None

    def to_unit(self, value: ParamValue) -> float:
        """Returns the place of `value` in [0, 1]: log scale for log params, index for choices."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return choices.index(value) / max(len(choices) - 1, 1)
            case FloatDistribution(low=low, high=high, log=log) | IntDistribution(low=low, high=high, log=log):
                scale = math.log if log else float
                if low == high:
                    return 0.0
                assert isinstance(value, int | float)
                return (scale(value) - scale(low)) / (scale(high) - scale(low))
        raise TypeError(f"{self.path} has no unit interval: {self.distribution!r}.")

    def from_unit(self, unit: float) -> ParamValue:
        """Returns the value nearest to place `unit` in [0, 1]; the inverse of `to_unit`."""
        match self.distribution:
            case CategoricalDistribution(choices=choices):
                return choices[round(unit * (len(choices) - 1))]
            case FloatDistribution(low=low, high=high, log=log, step=step):
                return snap(_interpolate(low, high, log=log, unit=unit), low, high, step)
            case IntDistribution(low=low, high=high, log=log, step=step):
                value = _interpolate(float(low), float(high), log=log, unit=unit)
                return int(snap(value, float(low), float(high), float(step)))
        raise TypeError(f"{self.path} has no unit interval: {self.distribution!r}.")


@dataclass(frozen=True)
class Space:
    """All tunable dimensions, parents of conditions before their children.

    Attributes:
        params: In the order in which they are suggested.
        fixed: Values of config paths that conditions refer to and that are not searched.
        candidates: The only params that may be tried, where there is a finite list of them; else empty.
    """

    params: tuple[Param, ...]
    fixed: Mapping[str, ParamValue]
    candidates: tuple[Mapping[str, ParamValue], ...] = ()

    def distributions(self) -> dict[str, BaseDistribution]:
        return {param.path: param.distribution for param in self.params}

    def bounds(self, path: str) -> list[float] | None:
        """Returns the lowest and the highest value of a real number that is searched; None for anything else."""
        for param in self.params:
            if param.path == path and isinstance(param.distribution, FloatDistribution):
                return [param.distribution.low, param.distribution.high]
        return None

    def suggest(self, trial: optuna.Trial) -> dict[str, ParamValue]:
        """Returns the params of `trial`, sampling those it does not have yet."""
        params: dict[str, ParamValue] = {}
        for param in self.params:
            if param.is_active(params, self.fixed):
                params[param.path] = _suggest(trial, param)
        return params

    def cells(self) -> list[dict[str, ParamValue]]:
        """Returns every combination of levels once, inactive params left out.

        Raises:
            ValueError: if a param has no levels, or there are too many cells.
        """
        for param in self.params:
            if not param.levels:
                raise ValueError(
                    f"space.{param.path} has too many values for a grid; "
                    f"give it levels, e.g. space.{param.path}.n_levels=4, or a step."
                )
        cells = list(islice(self.every_cell(), MAX_CELLS + 1))
        if len(cells) > MAX_CELLS:
            n_cells = math.prod(len(param.levels) for param in self.params)  # all of them, where none excludes another
            shown = f"{n_cells:,}" if all(param.when is None for param in self.params) else f"more than {MAX_CELLS:,}"
            raise ValueError(f"space makes a grid of {shown} cells; give fewer levels, {MAX_CELLS:,} cells at most.")
        unique = {canonical(cell): cell for cell in cells}
        return list(unique.values())

    def every_cell(self) -> Iterator[dict[str, ParamValue]]:
        """Yields every combination of levels, inactive params left out; one with a level twice as often."""
        return self._cells(0, {})

    def _cells(self, index: int, cell: dict[str, ParamValue]) -> Iterator[dict[str, ParamValue]]:
        if index == len(self.params):
            yield dict(cell)
            return
        param = self.params[index]
        if not param.is_active(cell, self.fixed):
            yield from self._cells(index + 1, cell)
            return
        for level in param.levels:
            yield from self._cells(index + 1, {**cell, param.path: level})

    def max_of(self, path: str, default: int) -> int:
        """Returns the largest integer the space gives `path`, or `default` when it is not searched."""
        for param in self.params:
            if param.path == path:
                match param.distribution:
                    case CategoricalDistribution(choices=choices):
                        return max(int(choice) for choice in choices if isinstance(choice, int | float))
                    case IntDistribution(high=high):
                        return high
        return default


def values_of(space: Space, path: str, default: ParamValue, *, on_grid: bool = False) -> tuple[ParamValue, ...]:
    """Returns every value a trial may have at `path`; real numbers as their bounds, of whole ones a thousand at most.

    Args:
        space: The space.
        path: A config path.
        default: Its value where it is not searched, or not active.
        on_grid: Whether only the levels are visited.
    """
    param = next((param for param in space.params if param.path == path), None)
    if param is None:
        return (default,)
    values: tuple[ParamValue, ...] = ()
    match param.distribution:
        case _ if on_grid and param.levels:
            values = tuple(param.levels)
        case CategoricalDistribution(choices=choices):
            values = tuple(choices)
        case IntDistribution(low=low, high=high, step=step):
            values = tuple(range(low, high + 1, step)[:MAX_VALUES])
        case FloatDistribution(low=low, high=high):
            values = (low, high)
    return values if param.when is None else tuple(dict.fromkeys((*values, default)))


def canonical(params: Mapping[str, ParamValue]) -> str:
    """Returns a text that is equal for equal params: sorted, floats as Python prints them."""
    return json.dumps(dict(sorted(params.items())))


def _suggest(trial: optuna.Trial, param: Param) -> ParamValue:
    match param.distribution:
        case FloatDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_float(param.path, low, high, log=log, step=step)
        case IntDistribution(low=low, high=high, log=log, step=step):
            return trial.suggest_int(param.path, low, high, log=log, step=step)
        case CategoricalDistribution(choices=choices):
            return trial.suggest_categorical(param.path, choices)
    raise TypeError(f"{param.path} cannot be suggested: {param.distribution!r}.")


def evenly(low: float, high: float, *, log: bool, n: int) -> list[float]:
    """Returns `n` values from `low` to `high`, both included, even on the linear or log scale."""
    units = [0.5] if n == 1 else [i / (n - 1) for i in range(1, n - 1)]
    inner = [
        float(f"{_interpolate(low, high, log=log, unit=unit):.12g}") for unit in units
    ]  # 0.01, not 0.010000000000000004
    return inner if n == 1 else [low, *inner, high]


def _interpolate(low: float, high: float, *, log: bool, unit: float) -> float:
    if log:
        return math.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
    return low + unit * (high - low)


def snap(value: float, low: float, high: float, step: float | None) -> float:
    """Returns the value nearest to `value` that lies in the range and on its steps."""
    if step is not None:
        value = low + round((value - low) / step) * step
    return min(max(value, low), high)
