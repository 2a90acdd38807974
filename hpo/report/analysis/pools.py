"""The expected incumbent of random search and of a shuffled grid, exact over all orders of what was evaluated.

The formula is `statistics.expected_best`'s; here is which evaluations form a pool.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hpo.report.analysis.incumbents import counted_trials, loss_or_inf
from hpo.report.analysis.records import Experiment, Study
from hpo.report.analysis.scale import control, is_grid, is_random, is_unpruned
from hpo.statistics.expected_best import expected_best

Floats = NDArray[np.float64]


def expected_curve(experiment: Experiment, strategy: str, task: str, *, worst: float) -> Floats | None:
    """Returns the expected best loss after 1, 2, … trials; None where no order-free expectation exists.

    Random search: all its evaluations on the task are one pool, they are independent and alike. Grid: each study's
    cells are a pool, and the curves of the studies are averaged. Only without pruning; a failed evaluation counts as
    `worst`.
    """
    studies = [study for study in experiment.of(task=task, strategy=strategy) if study.trials]
    if not studies or not math.isfinite(worst) or not all(map(is_unpruned, studies)):
        return None
    pools = [_evaluations(experiment, study, worst=worst) for study in studies]
    if not all(pool.size for pool in pools):
        return None
    if all(map(is_random, studies)):
        return expected_best(np.concatenate(pools), max(pool.size for pool in pools))
    if all(map(is_grid, studies)):
        length = min(pool.size for pool in pools)
        return np.asarray(np.mean([expected_best(pool, length) for pool in pools], axis=0))
    return None


def twice_the_budget(experiment: Experiment, task: str, *, worst: float) -> tuple[float, int] | None:
    """Returns the expected best loss of the control, random search, with twice its trials, and how many these are.

    None without random search, with pruning in it, or where the pool is smaller than that. Only the control's own
    evaluations are in the pool: another strategy that draws at random may draw from another space.
    """
    name = control(experiment)
    own = experiment.of(task=task, strategy=name) if name is not None else ()
    studies = [study for study in own if counted_trials(experiment, study)]
    if not studies or not math.isfinite(worst) or not all(map(is_unpruned, studies)):
        return None
    pools = [_evaluations(experiment, study, worst=worst) for study in studies]
    pool, n_draws = np.concatenate(pools), 2 * round(float(np.mean([pool.size for pool in pools])))
    return (float(expected_best(pool, n_draws)[-1]), n_draws) if n_draws <= pool.size else None


def _evaluations(experiment: Experiment, study: Study, *, worst: float) -> Floats:
    losses = np.array([loss_or_inf(trial, sign=experiment.sign) for trial in counted_trials(experiment, study)], float)
    return np.where(np.isfinite(losses), losses, worst)
