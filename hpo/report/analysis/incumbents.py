"""Incumbents over a budget as step curves, never interpolated, and what random search and a grid would have on average.

Losses are values times the experiment's sign, lower is better; nothing is averaged over seeds or drawn here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from hpo.contracts.records import COMPLETE, RUNNING
from hpo.report.analysis.conduct import control, is_grid, is_random, is_unpruned, n_startup_of
from hpo.report.analysis.records import Experiment, Study, Trial, Unit
from hpo.space.space import canonical
from hpo.statistics.expected_best import expected_best, numbers_of_draws

Floats = NDArray[np.float64]
MOST_PLACES = 400
SLACK = 1e-9


@dataclass(frozen=True)
class Steps:
    """A study's incumbent over cost.

    Attributes:
        costs: Where it changes, rising.
        losses: From there on; infinite before the first COMPLETE trial, which is not listed.
        end: What the study had spent when its last counted trial ended.
        known: Up to which cost it is known: infinite for an ended study (its last value holds), else `end`.
    """

    costs: Floats
    losses: Floats
    end: float
    known: float

    def at(self, places: Floats) -> Floats:
        """Returns the loss at each cost; infinite where there is no incumbent yet."""
        held = np.concatenate([[np.inf], self.losses])
        return np.asarray(held[np.searchsorted(self.costs, places, side="right")])


def steps(experiment: Experiment, study: Study, *, unit: Unit | None = None, is_on_test: bool = False) -> Steps:
    """Returns the incumbent's losses over what was spent, in the experiment's unit or in another one.

    Only trials that ended within the experiment's budget count, whatever the unit of the curve.

    Args:
        is_on_test: Whether to give the test losses of the incumbents, which are chosen on validation all the same; then
            all COMPLETE trials must have a test value.
    """
    key = ("steps", id(study), unit or experiment.unit, is_on_test)
    if key not in experiment.remembered:
        found = _steps(experiment, study, unit=unit or experiment.unit, is_on_test=is_on_test)
        experiment.remembered[key] = study, found
    remembered: Steps = experiment.remembered[key][1]
    return remembered


def _steps(experiment: Experiment, study: Study, *, unit: Unit, is_on_test: bool) -> Steps:
    trials, sign = counted_trials(experiment, study), experiment.sign
    losses = np.array([loss_or_inf(trial, sign=sign) for trial in trials], float)
    spent = np.array(costs(trials, unit=unit), float)
    improves = losses < np.concatenate([[np.inf], np.minimum.accumulate(losses)])[:-1]
    end = float(spent[-1]) if spent.size else 0.0
    if is_on_test:
        losses = np.array([math.nan if trial.test is None else sign * trial.test for trial in trials], float)
    return Steps(spent[improves], losses[improves], end, math.inf if study.is_ended else end)


def counted_trials(experiment: Experiment, study: Study) -> tuple[Trial, ...]:
    """Returns the study's trials that ended within the experiment's budget."""
    key = ("counted", id(study))
    if key not in experiment.remembered:
        found = counted(study.trials, unit=experiment.unit, budget=experiment.budget_on(study.task))
        experiment.remembered[key] = study, found
    trials: tuple[Trial, ...] = experiment.remembered[key][1]
    return trials


def is_beyond(experiment: Experiment, study: Study) -> bool:
    """Whether a study has COMPLETE trials, the first of them beyond a budget that it was never given."""
    is_cut = experiment.is_least and best_trial(experiment, study) is None
    return is_cut and any(is_complete(trial) for trial in study.trials)


def never_learned(experiment: Experiment, study: Study) -> bool:
    """Whether all trials within the budget are start-up trials of a sampler that would learn behind them."""
    return 0 < len(counted_trials(experiment, study)) <= n_startup_of(study)


def exhausts_table(experiment: Experiment, study: Study) -> bool:
    """Whether the trials that count have had every configuration of a recorded table, which then decides the best."""
    n_there = int(study.facts.get("n_configurations", 0))
    counted = counted_trials(experiment, study) if n_there else ()
    return 0 < n_there <= len({canonical(dict(trial.params)) for trial in counted if trial.state != RUNNING})


def best_trial(experiment: Experiment, study: Study) -> Trial | None:
    """Returns the incumbent at the end of the budget."""
    return incumbent(counted_trials(experiment, study), sign=experiment.sign)


def loss_or_inf(trial: Trial, *, sign: float) -> float:
    """Returns a COMPLETE trial's loss; infinite for all others: they were charged and gave nothing."""
    return loss(trial, sign=sign) if is_complete(trial) else math.inf


def places(curves: Sequence[Steps], *, end: float) -> Floats:
    """Returns the costs up to `end` at which any of the curves changes, and the end; thinned to at most 400."""
    changes = np.unique(np.concatenate([curve.costs for curve in curves] + [np.array([end])]))
    changes = changes[changes <= end]
    if changes.size <= MOST_PLACES:
        return changes
    kept = np.unique(np.linspace(0, changes.size - 1, MOST_PLACES).round().astype(int))
    return np.asarray(changes[kept])


def rows_of(curves: Sequence[Steps], along: Floats, *, worst: float) -> Floats:
    """Returns the losses of several studies along costs, shape (n_studies, n_costs).

    A study that never has an incumbent counts with the worst loss all along; before its first one a study's loss is
    infinite, beyond where a running study is it is NaN.
    """
    rows = np.array([curve.at(along) for curve in curves], float).reshape(len(curves), along.size)
    for row, curve in zip(rows, curves, strict=True):
        if not curve.costs.size:
            row[:] = worst
        row[along > curve.known * (1 + 1e-9)] = np.nan
    return rows


def counted(trials: Sequence[Trial], *, unit: Unit, budget: float) -> tuple[Trial, ...]:
    """Returns the trials that ended within the budget, in the order in which they ended.

    Args:
        trials: In the order in which they ended; RUNNING ones never count, PRUNED and FAIL are charged like all.
        unit: What the budget counts: epochs charged so far, trials ended so far, or seconds on the study's clock.
        budget: The most that may have been spent when a trial ends.
    """
    ended = finished(trials)
    limit = budget * (1 + SLACK)
    return tuple(trial for trial, cost in zip(ended, costs(ended, unit=unit), strict=True) if cost <= limit)


def costs(trials: Sequence[Trial], *, unit: Unit) -> list[float]:
    """Returns what had been spent when each of the finished trials ended, never decreasing."""
    ended = finished(trials)
    match unit:
        case "epochs":
            return list(accumulate(trial.epochs for trial in ended))
        case "trials":
            return [float(count) for count in range(1, len(ended) + 1)]
        case "seconds":
            return list(accumulate((trial.ended_s or 0.0 for trial in ended), max))
    raise ValueError(f"unit={unit!r} is none of epochs, trials, seconds; choose one of these.")


def finished(trials: Sequence[Trial]) -> list[Trial]:
    """Returns the trials that are not running."""
    return [trial for trial in trials if trial.state != RUNNING]


def incumbent(trials: Sequence[Trial], *, sign: float) -> Trial | None:
    """Returns the best COMPLETE trial, the earlier one of equals; None without any.

    A PRUNED trial's value was not taken at full fidelity and is never an incumbent.

    Args:
        trials: In the order in which they ended.
        sign: 1 when lower is better, -1 when higher is.
    """
    best = None
    for trial in trials:
        if is_complete(trial) and (best is None or loss(trial, sign=sign) < loss(best, sign=sign)):
            best = trial
    return best


def is_complete(trial: Trial) -> bool:
    return trial.state == COMPLETE and trial.value is not None


def loss(trial: Trial, *, sign: float) -> float:
    """Returns the value of a COMPLETE trial times the sign: lower is better."""
    if trial.value is None:
        raise ValueError(f"trial {trial.number} is {trial.state} and has no value; only COMPLETE trials have a loss.")
    return sign * trial.value


Expectation = tuple[NDArray[np.int64], Floats]
"""Numbers of trials, and the best loss that is expected after each."""


def expected_curve(experiment: Experiment, strategy: str, task: str, *, worst: float) -> Expectation | None:
    """Returns the expected best loss after 1, 2, … trials (400 of them); None where no order-free expectation exists.

    Random search: all its evaluations on the task are one pool, they are independent and alike. Grid: each study's
    cells are a pool, and the curves of the studies are averaged. Only without pruning; a failed evaluation counts as
    `worst`.
    """
    studies = [study for study in experiment.of(task=task, strategy=strategy) if study.trials]
    if experiment.is_incumbent or not studies or not math.isfinite(worst) or not all(map(is_unpruned, studies)):
        return None
    pools = [_evaluations(experiment, study, worst=worst) for study in studies]
    if not all(pool.size for pool in pools):
        return None
    if all(map(is_random, studies)):
        draws = numbers_of_draws(max(pool.size for pool in pools))
        return draws, expected_best(np.concatenate(pools), draws)
    if all(map(is_grid, studies)):
        draws = numbers_of_draws(min(pool.size for pool in pools))
        return draws, np.asarray(np.mean([expected_best(pool, draws) for pool in pools], axis=0))
    return None


def twice_the_budget(experiment: Experiment, task: str, *, worst: float) -> tuple[float, int] | None:
    """Returns the expected best loss of the control, random search, with twice its trials, and how many these are.

    None without random search, with pruning in it, or where the pool is smaller than that. Only the control's own
    evaluations are in the pool: another strategy that draws at random may draw from another space.
    """
    name = control(experiment)
    of_control = experiment.of(task=task, strategy=name) if name is not None else ()
    studies = [study for study in of_control if counted_trials(experiment, study)]
    if experiment.is_incumbent or not studies or not math.isfinite(worst) or not all(map(is_unpruned, studies)):
        return None
    pools = [_evaluations(experiment, study, worst=worst) for study in studies]
    pool, n_draws = np.concatenate(pools), 2 * round(float(np.mean([pool.size for pool in pools])))
    return (float(expected_best(pool, np.array([n_draws]))[0]), n_draws) if n_draws <= pool.size else None


def _evaluations(experiment: Experiment, study: Study, *, worst: float) -> Floats:
    losses = np.array([loss_or_inf(trial, sign=experiment.sign) for trial in counted_trials(experiment, study)], float)
    return np.where(np.isfinite(losses), losses, worst)
