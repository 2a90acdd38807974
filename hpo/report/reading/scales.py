"""What the sizes of values say: penalties that stand for failures, and fractions that were recorded in percent.

Both are recognised here and said; what follows for budgets and sentences is the business of `terms`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpo.contracts.records import COMPLETE, FAIL
from hpo.report.analysis.phrases import count, number
from hpo.report.analysis.records import Experiment, Trial

ROPE = {"accuracy": 0.005, "macro_f1": 0.005, "valid_loss": 0.01}  # of other metrics nothing is known
FRACTIONS = ("accuracy", "macro_f1")  # from 0 to 1
PERCENT = 100.0
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
