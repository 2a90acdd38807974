"""Normalised regret, a scale on which tasks can be compared: 0 is the best loss known, 1 the median random evaluation.

r = (f - f*) / (f_ref - f*), of a loss or along the budget as plain arrays; tables and figures of it are the sections'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hpo.report.analysis.conduct import random_studies
from hpo.report.analysis.incumbents import (
    Steps,
    best_trial,
    counted_trials,
    is_beyond,
    is_complete,
    loss,
    places,
    rows_of,
    steps,
)
from hpo.report.analysis.records import Experiment, Place, Study
from hpo.statistics.equality import levelled


@dataclass(frozen=True)
class Scale:
    """What a task's losses are measured against.

    Attributes:
        best: f*, the lowest loss of any COMPLETE trial on the task; infinite without one.
        reference: f_ref, the median loss of random search's COMPLETE trials, or of everybody's; where values are the
            best so far, of what the studies ended with.
        worst: The highest loss of a counted COMPLETE trial: what a study without any is taken to have reached.
        source: What f_ref is the median of.
    """

    best: float
    reference: float
    worst: float
    source: str

    @property
    def span(self) -> float:
        """f_ref - f*; 1 where they are equal, so that regret stays in units of the metric."""
        span = self.reference - self.best
        return span if span > 0 and math.isfinite(span) else 1.0

    def regret(self, loss: float) -> float:
        return (loss - self.best) / self.span


def scales(experiment: Experiment) -> Mapping[str, Scale]:
    """Returns the scale of each task."""
    return {task: _scale(experiment, task) for task in experiment.tasks}


def _scale(experiment: Experiment, task: str) -> Scale:
    studies = experiment.of(task=task)
    losses = _losses(experiment, studies)
    if not losses:
        return Scale(math.inf, math.inf, math.inf, "nothing: no trial is COMPLETE")
    if experiment.is_incumbent:
        finals = [best for study in studies if (best := best_trial(experiment, study)) is not None]
        reference, source = float(np.median([loss(best, sign=experiment.sign) for best in finals])), "last values"
    else:
        reference, source = _reference(experiment, task, losses)
    within = [
        loss(trial, sign=experiment.sign)
        for study in studies
        for trial in counted_trials(experiment, study)
        if is_complete(trial)
    ]
    return Scale(min(losses), reference, max(within or losses), source)


def _reference(experiment: Experiment, task: str, losses: Sequence[float]) -> tuple[float, str]:
    """Returns the median of random search's evaluations, or else of everybody's, and whose it is."""
    drawn = _losses(experiment, random_studies(experiment, task))
    reference = float(np.median(drawn or losses))
    if reference <= min(losses):
        return float(np.median(losses)), "all strategies (random search's median is the best known)"
    return reference, "random search" if drawn else "all strategies (no random search)"


def _losses(experiment: Experiment, studies: Sequence[Study]) -> list[float]:
    return [loss(trial, sign=experiment.sign) for study in studies for trial in study.trials if is_complete(trial)]


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Regrets:
    """Regret of every study along costs in the experiment's unit.

    Attributes:
        along: Costs, the same for all, shape (n_costs,).
        rows: By strategy, then by (task, seed): shape (n_costs,). Before its first incumbent a study has the regret of
            the worst value seen on the task; beyond where a running study is it is NaN.
        ranked: The same with infinity where there is no incumbent: worse than any value.
        first: By task: the lowest cost at which any study had an incumbent.
        offsets: By task: the magnitude of the best loss known, on the scale of regret.
    """

    along: Floats
    rows: Mapping[str, Mapping[Place, Floats]]
    ranked: Mapping[str, Mapping[Place, Floats]]
    first: Mapping[str, float]
    offsets: Mapping[str, float]

    def by_task(self, strategy: str) -> dict[str, list[Floats]]:
        """Returns the rows of a strategy, task by task."""
        groups: dict[str, list[Floats]] = {}
        for (task, _), row in self.rows[strategy].items():
            groups.setdefault(task, []).append(row)
        return groups

    def units(self, strategy: str, *, tasks: Sequence[str]) -> Floats:
        """Returns rows to average over: seeds of the one task, or means over the seeds of each task."""
        groups = self.by_task(strategy)
        if len(tasks) == 1:
            rows = [row for group in groups.values() for row in group]
        else:
            rows = [np.mean(groups[task], axis=0) for task in tasks if task in groups]
        return np.array(rows, float).reshape(len(rows), self.along.size)

    def capped(self) -> Regrets:
        """Returns the same with rows up to 1: one diverged trial must not decide a mean over seeds."""
        rows = {name: {place: np.minimum(row, 1.0) for place, row in own.items()} for name, own in self.rows.items()}
        return replace(self, rows=rows)


def regrets(experiment: Experiment, scales: Mapping[str, Scale]) -> Regrets | None:
    """Returns the regrets of all studies that can be compared on tasks with a COMPLETE trial; None without any."""
    curves: dict[str, dict[Place, Steps]] = {strategy: {} for strategy in experiment.strategies}
    for study in experiment.studies:
        if math.isfinite(scales[study.task].best) and not is_beyond(experiment, study):
            curves[study.strategy].setdefault((study.task, study.seed), steps(experiment, study))
    every = [(place, curve) for by_place in curves.values() for place, curve in by_place.items()]
    first: dict[str, float] = {}
    for (task, _), curve in every:
        if curve.costs.size:
            first[task] = min(float(curve.costs[0]), first.get(task, math.inf))
    if not first:
        return None
    along = places([curve for _, curve in every], end=experiment.budget)
    rows: dict[str, dict[Place, Floats]] = {strategy: {} for strategy in curves}
    ranked: dict[str, dict[Place, Floats]] = {strategy: {} for strategy in curves}
    for strategy, by_place in curves.items():
        for place, curve in by_place.items():
            scale = scales[place[0]]
            losses = rows_of([curve], along, worst=math.inf)[0]
            ranked[strategy][place] = (losses - scale.best) / scale.span
            rows[strategy][place] = (np.where(np.isinf(losses), scale.worst, losses) - scale.best) / scale.span
    offsets = {task: abs(scales[task].best) / scales[task].span for task in first}
    return Regrets(along, rows, ranked, first, offsets)


def mean_ranks(of: Regrets, strategies: Sequence[str], *, tasks: Sequence[str]) -> Floats:
    """Returns ranks of the strategies along costs, 1 is best and ties share: shape (n_strategies, n_units, n_costs).

    Of the (task, seed) that all strategies have; units are seeds, or tasks, ranked by the mean regret of their seeds.
    """
    shared = [place for place in of.ranked[strategies[0]] if all(place in of.ranked[name] for name in strategies)]
    shape = len(strategies), len(shared), of.along.size
    ranked = np.array([[of.ranked[name][place] for place in shared] for name in strategies], float).reshape(shape)
    sizes = np.array([of.offsets[task] for task, _ in shared]).reshape(-1, 1)
    if len(tasks) > 1:
        filled = np.array([[of.rows[name][place] for place in shared] for name in strategies], float).reshape(shape)
        groups = [group for task in tasks if (group := [n for n, (own, _) in enumerate(shared) if own == task])]
        failed = [np.isinf(ranked[:, group]).all(axis=1) for group in groups]
        means = [filled[:, group].mean(axis=1) for group in groups]
        ranked = np.where(np.array(failed).reshape(-1, *shape[::2]), np.inf, np.array(means).reshape(-1, *shape[::2]))
        ranked = ranked.swapaxes(0, 1)
        sizes = np.array([sizes[group[0]] for group in groups]).reshape(-1, 1)
    return np.asarray(stats.rankdata(levelled(ranked, np.abs(ranked) + 2 * sizes), axis=0, nan_policy="propagate"))


def area(row: Floats, along: Floats, *, first: float, budget: float) -> float | None:
    """Returns the mean of a step curve over the logarithm of cost from `first` to the budget; None if that is nothing.

    The area under the curve over log cost, divided by log(budget / first): early progress weighs as much as late.
    """
    if not 0 < first < budget or np.isnan(row).any():
        return None
    inner = along[(along > first) & (along < budget)]
    edges = np.concatenate([[first], inner, [budget]])
    held = row[np.searchsorted(along, edges[:-1], side="right") - 1]
    return float(held @ np.diff(np.log(edges)) / math.log(budget / first))
