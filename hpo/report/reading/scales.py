"""What the values themselves say: penalties in the place of failures, fractions in percent, the best so far.

All are recognised here and said; what follows for budgets and sentences is the business of `terms`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

import numpy as np

from hpo.contracts.records import COMPLETE, FAIL
from hpo.report.analysis.phrases import count, number
from hpo.report.analysis.records import Experiment, Trial

ROPE = {"accuracy": 0.005, "macro_f1": 0.005, "valid_loss": 0.01}  # of other metrics nothing is known
FRACTIONS = ("accuracy", "macro_f1")  # from 0 to 1
PERCENT = 100.0
MIN_MONOTONE = 8  # COMPLETE trials of a study, in the median
CHANCE = 1e-6  # of independent values
ValueKind = Literal["evaluation", "incumbent"]
PENALTY = 1e6  # the least a penalty is, and how many times as large as the better half of a task's values


def without_penalties(experiment: Experiment) -> tuple[Experiment, list[str]]:
    """Returns the experiment with COMPLETE trials of a penalty value as failed ones, and a sentence on each strategy.

    A penalty, as tuners are told in the place of a failure (1e6, 1e12, …), is a value on the worse side that is at
    least a million, and a million times as large as any of the better half of the values of its task.
    """
    least = {task: _least_penalty(experiment, task) for task in experiment.tasks}
    found: Counter[str] = Counter()
    largest: dict[str, float] = {}
    studies = []
    for study in experiment.studies:
        trials = [_judged(trial, sign=experiment.sign, least=least[study.task]) for trial in study.trials]
        for before, after in zip(study.trials, trials, strict=True):
            if before is not after and before.value is not None:
                found[study.strategy] += 1
                largest[study.strategy] = before.value
        studies.append(replace(study, trials=tuple(trials)) if found else study)
    sentences = [
        f"{strategy}: {count(n, 'COMPLETE trial')} of a penalty value ({number(largest[strategy])}) taken as failed; "
        "a study without another value ranks last."
        for strategy, n in found.items()
    ]
    return (replace(experiment, studies=tuple(studies)), sentences) if found else (experiment, [])


def with_value_kind(experiment: Experiment, given: ValueKind | None) -> Experiment:
    """Returns the experiment, told whether its values are evaluations or, each, the best so far of its study.

    Where nobody says it, they are the best so far if in no study a COMPLETE value is worse than one before it, studies
    have eight of them (in the median), and independent values would come in such orders less than once in a million.

    Args:
        experiment: The records of somebody else's tuner.
        given: What `report.value_is` says.
    """
    if given is not None:
        return replace(experiment, is_incumbent=given == "incumbent")
    losses = [
        [experiment.sign * t.value for t in study.complete if t.value is not None] for study in experiment.studies
    ]
    losses = [own for own in losses if own]
    is_monotone = all(later <= before for own in losses for before, later in pairwise(own))
    if not losses or not is_monotone or np.median([len(own) for own in losses]) < MIN_MONOTONE:
        return experiment
    # n values come in this order once in n! / (m1! m2! ...) times, where each m counts equal ones
    log_chance = sum(
        sum(math.lgamma(m + 1) for m in Counter(own).values()) - math.lgamma(len(own) + 1) for own in losses
    )
    if log_chance > math.log(CHANCE):
        return experiment
    note = (
        f"In none of {count(len(losses), 'study')} is a value worse than one before it: values were taken to be the "
        "best so far, no evaluations. If they are evaluations, give report.value_is=evaluation."
    )
    return replace(experiment, is_incumbent=True, notes=(*experiment.notes, note))


def rope_of_scale(experiment: Experiment) -> tuple[float, str]:
    """Returns the ROPE in the unit that values were recorded in, and what is to be said of it; "" if nothing.

    A metric that is a fraction by its name, of which most values are between 1 and 100, was recorded in percent.
    """
    values = [trial.value for study in experiment.studies for trial in study.complete if trial.value is not None]
    is_usual = experiment.metric in FRACTIONS and experiment.rope == ROPE[experiment.metric] and not experiment.card
    if not is_usual or not values or not np.median(values) > 1 or not max(values) <= PERCENT:
        return experiment.rope, ""
    rope = PERCENT * experiment.rope
    return rope, (
        f"{experiment.metric} was recorded in percent (up to {number(max(values))}), so the ROPE of "
        f"{experiment.rope:g} is {rope:g} here."
    )


def _least_penalty(experiment: Experiment, task: str) -> float:
    values = [t.value for study in experiment.of(task=task) for t in study.complete if t.value is not None]
    better = _better_half(values, sign=experiment.sign)
    return max(PENALTY, PENALTY * max((abs(value) for value in better), default=np.inf))


def _better_half(values: Sequence[float], *, sign: float) -> list[float]:
    ascending = sorted(values, key=lambda value: sign * value)
    return ascending[: (len(ascending) + 1) // 2]


def _judged(trial: Trial, *, sign: float, least: float) -> Trial:
    """Returns the trial, as a failed one if its value is a penalty."""
    if trial.state != COMPLETE or trial.value is None or sign * trial.value < least:
        return trial
    return replace(trial, state=FAIL, value=None, test=None, reason=f"penalty value {trial.value:g}")
