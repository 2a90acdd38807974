"""Two strategies side by side: which of their studies belong together, and the losses of those that do.

One task: the unit is the seed. Several tasks: the unit is the task, its seeds averaged as normalised regret.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hpo.report.analysis.endpoints import Endpoint, Place
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.scale import Scale

Floats = NDArray[np.float64]
ROUNDING = 1e-12  # relative: a mean of a few values is off by a few 1e-16


@dataclass(frozen=True)
class Pair:
    """Two strategies at one endpoint.

    Attributes:
        first, second: Their names.
        units: Names of what is paired: seeds or tasks.
        ranked: Losses of both, shape (2, n); infinite where a study had nothing to show: worse than any value.
        filled: The same with the worst value seen on the task in the place of infinite ones, for means and intervals.
        left_out: (task, seed) only one of both has a loss for.
        is_whole: Whether every study behind it has something to show: nothing is filled.
    """

    first: str
    second: str
    units: tuple[str, ...]
    ranked: Floats
    filled: Floats
    left_out: tuple[Place, ...]
    is_whole: bool

    @property
    def n(self) -> int:
        return len(self.units)

    @property
    def differences(self) -> Floats:
        """first - second, negative where the first is better; 0 where neither had anything to show."""
        with np.errstate(invalid="ignore"):
            exact = np.nan_to_num(self.ranked[0] - self.ranked[1], nan=0.0, posinf=np.inf, neginf=-np.inf)
        return without_rounding(exact, self.filled)

    @property
    def filled_differences(self) -> Floats:
        return without_rounding(self.filled[0] - self.filled[1], self.filled)


def without_rounding(differences: Floats, values: Floats) -> Floats:
    """Returns differences with those that rounding alone explains set to 0: a tie must not count as a win."""
    size = np.max(np.abs(values), axis=0, initial=0.0)
    return np.where(np.abs(differences) <= ROUNDING * size, 0.0, differences)


def pair_up(experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale]) -> list[Pair]:
    """Returns all pairs of strategies, in the order of the design."""
    pairs = combinations(experiment.strategies, 2)
    return [_pair(experiment, endpoint, scales, names) for names in pairs]


def unit_of(experiment: Experiment) -> str:
    """Returns what n counts: seed or task."""
    return "task" if len(experiment.tasks) > 1 else "seed"


def quantity_of(experiment: Experiment) -> str:
    """Returns what differences between strategies are measured in."""
    return "normalised regret" if len(experiment.tasks) > 1 else experiment.metric


def rope_of(experiment: Experiment, scales: Mapping[str, Scale]) -> float:
    """Returns the region of practical equivalence in the units of the differences.

    Over several tasks it is the mean of rope / (f_ref - f*).
    """
    if len(experiment.tasks) == 1:
        return experiment.rope
    return (
        float(np.mean([experiment.rope / scales[task].span for task in experiment.tasks])) if experiment.tasks else 0.0
    )


def common_places(experiment: Experiment, endpoint: Endpoint, strategies: Sequence[str]) -> list[Place]:
    """Returns the (task, seed) all of these strategies have a loss for, in the order of the design."""
    order = dict.fromkeys((study.task, study.seed) for study in experiment.studies)
    return [place for place in order if all(place in endpoint.losses[strategy] for strategy in strategies)]


def block_losses(
    experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale], strategies: Sequence[str]
) -> tuple[tuple[str, ...], Floats, Floats]:
    """Returns units and their losses, ranked and filled, shape (n_strategies, n_units), of the places all share."""
    places = common_places(experiment, endpoint, strategies)
    ranked = np.array([[endpoint.losses[s][place] for place in places] for s in strategies], float)
    ranked = ranked.reshape(len(strategies), len(places))
    filled = np.where(np.isfinite(ranked), ranked, [endpoint.worst.get(task, 0.0) for task, _ in places])
    if len(experiment.tasks) == 1:
        return tuple(f"seed {seed}" for _, seed in places), ranked, filled
    tasks = tuple(dict.fromkeys(task for task, _ in places))
    means = np.full((len(strategies), len(tasks)), np.nan)
    failed = np.zeros_like(means, bool)
    for column, task in enumerate(tasks):
        own = [index for index, place in enumerate(places) if place[0] == task]
        scale = scales[task]
        best = scale.best if math.isfinite(scale.best) else 0.0
        means[:, column] = (filled[:, own].mean(axis=1) - best) / scale.span
        failed[:, column] = np.isinf(ranked[:, own]).all(axis=1)
    return tasks, np.where(failed, np.inf, means), means


def _pair(experiment: Experiment, endpoint: Endpoint, scales: Mapping[str, Scale], names: tuple[str, str]) -> Pair:
    units, ranked, filled = block_losses(experiment, endpoint, scales, names)
    places = dict.fromkeys((s.task, s.seed) for s in experiment.studies if s.strategy in names)
    both = set(common_places(experiment, endpoint, names))
    left_out = tuple(place for place in places if place not in both)
    is_whole = all(math.isfinite(endpoint.losses[name][place]) for name in names for place in both)
    return Pair(*names, units, ranked, filled, left_out, is_whole)
