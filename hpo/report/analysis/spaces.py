"""The search space of each task, as its studies searched it or as their trials show; params as places in its unit cube.

What distances between places mean is said where they are used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.search import ParamValue
from hpo.report.analysis.records import Experiment, Trial
from hpo.space.space import Param


def widest_space(spaces: Iterable[Mapping[str, BaseDistribution]]) -> dict[str, BaseDistribution]:
    """Returns a space that holds every value of all of `spaces`; where kinds differ the first one's is kept."""
    widest: dict[str, BaseDistribution] = {}
    for space in spaces:
        for path, distribution in space.items():
            widest[path] = _widen(widest[path], distribution) if path in widest else distribution
    return widest


def observed_space(trials: Sequence[Trial]) -> dict[str, BaseDistribution]:
    """Returns the ranges the trials' params lie in, for records that do not say what was searched."""
    values: dict[str, list[ParamValue]] = {}
    for trial in trials:
        for path, value in trial.params.items():
            values.setdefault(path, []).append(value)
    return {path: _observe(values[path]) for path in sorted(values)}


def _widen(first: BaseDistribution, other: BaseDistribution) -> BaseDistribution:
    match first, other:
        case CategoricalDistribution(), CategoricalDistribution():
            return CategoricalDistribution(tuple(dict.fromkeys((*first.choices, *other.choices))))
        case FloatDistribution(), FloatDistribution():
            low, high = min(first.low, other.low), max(first.high, other.high)
            return first if (low, high) == (first.low, first.high) else FloatDistribution(low, high, log=first.log)
        case IntDistribution(), IntDistribution():
            low, high = min(first.low, other.low), max(first.high, other.high)
            return first if (low, high) == (first.low, first.high) else IntDistribution(low, high, log=first.log)
    return first


def _observe(values: Sequence[ParamValue]) -> BaseDistribution:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        return CategoricalDistribution(tuple(sorted(set(values), key=lambda value: (str(type(value)), str(value)))))
    if all(isinstance(number, int) for number in numbers):
        return IntDistribution(int(min(numbers)), int(max(numbers)))
    return FloatDistribution(float(min(numbers)), float(max(numbers)))


def describe_distribution(distribution: BaseDistribution) -> str:
    """Returns a param's range in a few words."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return f"one of {', '.join(str(choice) for choice in choices)}"
        case FloatDistribution() | IntDistribution():
            kind = "whole numbers" if isinstance(distribution, IntDistribution) else "numbers"
            scale = ", on a log scale" if distribution.log else ""
            step = f" in steps of {distribution.step:g}" if distribution.step not in (None, 1) else ""
            return f"{kind} from {distribution.low:g} to {distribution.high:g}{step}{scale}"
    return str(distribution)


Space = Mapping[str, BaseDistribution]
"""Distributions of one task by param; none with a single value only."""
Floats = NDArray[np.float64]
STEP_SLACK = 1e-8


def space_of(experiment: Experiment, task: str) -> Space:
    """Returns what is known of a task's space: as searched, else the ranges its trials' params lie in."""
    trials = [trial for study in experiment.of(task=task) for trial in study.finished]
    space = experiment.spaces.get(task) or observed_space(trials)
    used = {path for trial in trials for path in trial.params}
    return {path: distribution for path, distribution in space.items() if path in used and not distribution.single()}


def is_log(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, FloatDistribution | IntDistribution) and distribution.log


def is_ordered(distribution: BaseDistribution) -> bool:
    """Tells whether values can be more or less apart: numbers, or choices that are all numbers."""
    if isinstance(distribution, CategoricalDistribution):
        return all(_is_number(choice) for choice in distribution.choices)
    return True


def is_inside(distribution: BaseDistribution, value: object) -> bool:
    """Tells whether `value` is one that the distribution can take."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return any(isinstance(value, bool) == isinstance(choice, bool) and value == choice for choice in choices)
        case FloatDistribution(low=low, high=high, step=step) | IntDistribution(low=low, high=high, step=step):
            if not isinstance(value, int | float) or not _is_number(value) or not low <= value <= high:
                return False
            return step is None or abs((value - low) / step - round((value - low) / step)) < STEP_SLACK
    return False


def choice_names(distribution: BaseDistribution) -> list[str]:
    """Returns the choices that have no order as text; none for numbers."""
    if not isinstance(distribution, CategoricalDistribution) or is_ordered(distribution):
        return []
    return [str(choice) for choice in distribution.choices]


def has_param(trial: Trial, path: str, space: Space) -> bool:
    """Tells whether a trial has a value of the param, inside the space."""
    return path in trial.params and is_inside(space[path], trial.params[path])


def known_params(trial: Trial, space: Space) -> dict[str, ParamValue]:
    """Returns the trial's params that the space has and whose values lie inside it, in the order of the space."""
    return {path: trial.params[path] for path in space if has_param(trial, path, space)}


def places_of(trials: Sequence[Trial], space: Space) -> Floats:
    """Returns the trials' places, shape (n_trials, n_params): in [0, 1], on the log scale for log params, evenly for
    choices in their order, NaN for params that a trial does not have or whose value lies outside the space.
    """
    params = {path: Param(path, one, ()) for path, one in space.items()}
    inside = [known_params(trial, space) for trial in trials]
    rows = [[params[path].to_unit(one[path]) if path in one else math.nan for path in space] for one in inside]
    return np.array(rows, dtype=float).reshape(len(trials), len(space))


def draw_places(space: Space, n: int, rng: np.random.Generator) -> Floats:
    """Returns places of `n` params drawn evenly from the space, every param active, shape (n, n_params)."""
    columns = []
    for path, distribution in space.items():
        param, units = Param(path, distribution, ()), rng.random(n)
        if isinstance(distribution, FloatDistribution) and distribution.step is None:
            columns.append(units)
        elif isinstance(distribution, CategoricalDistribution):
            n_choices = len(distribution.choices)
            columns.append(np.floor(units * n_choices) / (n_choices - 1))
        elif isinstance(distribution, FloatDistribution | IntDistribution):
            values, places = np.unique(_on_steps(distribution, units), return_inverse=True)
            is_whole = isinstance(distribution, IntDistribution)
            columns.append(np.array([param.to_unit(int(v) if is_whole else v) for v in values.tolist()])[places])
    return np.stack(columns, axis=1) if columns else np.empty((n, 0))


def _on_steps(distribution: FloatDistribution | IntDistribution, units: Floats) -> Floats:
    """Returns the values nearest to places in [0, 1], as `Param.from_unit` does one by one."""
    low, high, step = float(distribution.low), float(distribution.high), float(distribution.step or 1)
    if distribution.log:
        values = np.exp(math.log(low) + units * (math.log(high) - math.log(low)))
    else:
        values = low + units * (high - low)
    return np.asarray(np.clip(low + np.round((values - low) / step) * step, low, high))


def distances(ones: Floats, others: Floats, space: Space) -> Floats:
    """Returns Gower's distance of every one to every other, shape (n_ones, n_others), in [0, 1].

    The mean over params of the difference of their places; 0 or 1 for choices without an order; 1 where only one of
    the two has the param; params that neither has do not count (Gower 1971, Biometrics 27, 857-871).
    """
    gaps = np.abs(ones[:, None, :] - others[None, :, :])
    for column, distribution in enumerate(space.values()):
        if not is_ordered(distribution):
            gaps[:, :, column] = np.where(gaps[:, :, column] > 0, 1.0, gaps[:, :, column])
    missing, missing_others = np.isnan(ones)[:, None, :], np.isnan(others)[None, :, :]
    gaps = np.where(missing ^ missing_others, 1.0, gaps)
    counts = ~(missing & missing_others)
    return np.asarray(np.where(counts, gaps, 0.0).sum(axis=2) / np.maximum(counts.sum(axis=2), 1))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
