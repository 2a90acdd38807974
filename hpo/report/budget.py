"""Which trials of a study count: those that ended within the budget, at the cost they were charged.

The one rule for choosing configurations to confirm and for every number of the report; nothing is made of them here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from hpo.record import COMPLETE, RUNNING
from hpo.report.records import Trial, Unit

SLACK = 1e-9


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
