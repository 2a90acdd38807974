"""An honest number at the end of every study: what its best is worth, computed once and kept in its record.

With a confirmation the mean of retrainings that did not choose it; without one, the best value seen, shrunken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hpo.contracts.honest import MIN_TRIALS
from hpo.contracts.records import COMPLETE, PRUNED, StudyRecord, TrialRecord
from hpo.space.space import Param, Space
from hpo.statistics.shrinkage import Floats, mean_interval, shrink

MIN_CURVES = 3  # complete trials that say how trials go on from a rung


def shrunken_number(study: StudyRecord, trials: Sequence[TrialRecord], space: Space, *, seed: int) -> dict[str, float]:
    """Returns what the best trial of a search is worth, by all of its trials; {} where nothing was trained or found.

    Args:
        study: The search.
        trials: Its trials.
        space: What was searched.
        seed: Of the draws.
    """
    best = study.best(trials)
    if best is None or best.value is None or study.is_recorded:
        return {}
    known = [trial for trial in trials if trial.state == COMPLETE and _is_finite(trial.value)]
    stopped = _stopped(study, trials, known)
    honest = {"trial": float(best.number), "seen": best.value, "n": float(len(known) + len(stopped))}
    if len(known) < MIN_TRIALS or not space.params:
        return honest | {"n": float(len(known))}  # what pruned ones add is known by complete ones alone
    try:
        x = np.array([_place(trial, space) for trial in [*known, *(trial for trial, _, _ in stopped)]])
    except (ValueError, TypeError):  # a first trial that lies outside the space
        return honest
    y = study.sign * np.array([trial.value or 0.0 for trial in known] + [value for _, value, _ in stopped])
    extra = np.array([0.0] * len(known) + [variance for _, _, variance in stopped])
    worth = shrink(x, y, known.index(best), extra=extra, seed=seed)
    if worth is None:
        return honest
    ends = sorted((study.sign * worth.low, study.sign * worth.high))
    return honest | {"value": study.sign * worth.mean, "low": ends[0], "high": ends[1]}


def confirmed_number(seen: float, trial: int, fresh: Sequence[float]) -> dict[str, float]:
    """Returns what a confirmed configuration is worth.

    Args:
        seen: Its value in the search.
        trial: Its number there.
        fresh: Values of its retrainings that did not choose it, one at least.
    """
    values: Floats = np.array(fresh, dtype=float)
    honest = {"trial": float(trial), "seen": seen, "n_fresh": float(len(fresh)), "value": float(np.mean(values))}
    worth = mean_interval(values)
    return honest if worth is None else honest | {"low": worth.low, "high": worth.high}


def _stopped(
    study: StudyRecord, trials: Sequence[TrialRecord], known: Sequence[TrialRecord]
) -> list[tuple[TrialRecord, float, float]]:
    """Returns pruned trials with what complete ones gained from that rung on added, and the variance of that."""
    gains: dict[int, Mapping[str, float] | None] = {}
    found = []
    for trial in trials:
        if trial.state != PRUNED or not _is_finite(trial.value) or trial.value is None:
            continue
        if trial.n_epochs not in gains:
            gains[trial.n_epochs] = _gain(study.metric, known, trial.n_epochs)
        if gain := gains[trial.n_epochs]:
            found.append((trial, trial.value + gain["mean"], gain["variance"]))
    return found


def _gain(metric: str, known: Sequence[TrialRecord], n_epochs: int) -> Mapping[str, float] | None:
    longer = [trial for trial in known if trial.n_epochs > n_epochs]
    values = [(trial.value or 0.0) - trial.epochs[n_epochs - 1].metrics.get(metric, math.nan) for trial in longer]
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < MIN_CURVES:
        return None
    return {"mean": float(np.mean(finite)), "variance": float(np.var(finite, ddof=1))}


def _place(trial: TrialRecord, space: Space) -> list[float]:
    """Returns where a trial is: numbers in [0, 1], for choices a column each."""
    return [unit for param in space.params for unit in _units(param, trial)]


def _units(param: Param, trial: TrialRecord) -> list[float]:
    choices, value = param.choices, trial.params.get(param.path)
    if choices is not None:
        return [0.7 * (value == choice) for choice in choices]
    if not isinstance(value, int | float | None):
        raise TypeError(f"{param.path}={value} is no number.")
    return [0.5 if value is None else param.to_unit(value)]


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
