"""What each study came to: the value it saw, the value it kept when retrained, and its test value.

Values are in units of the metric; what is averaged or drawn of them is `performance`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpo.report.analysis.endpoints import chosen, loss_on_test
from hpo.report.analysis.incumbents import best_trial, counted_trials, is_complete, loss_or_inf
from hpo.report.analysis.records import Confirmed, Experiment, Study, Trial


@dataclass(frozen=True)
class Outcome:
    """One study at the end of its budget; None where something was not measured.

    Attributes:
        study: Whose.
        seen: Best value among its COMPLETE trials.
        kept: Mean of the retrainings of the configuration that had the best value in the search.
        confirmed: Mean of the retrainings of the configuration that was chosen.
        test: Mean test value of the configuration that was chosen.
        selected_test: Test value of the best trial itself, where every COMPLETE trial has one.
        oracle_test: Best test value among its trials: a diagnostic, nobody could have chosen it.
        overtuning: How much worse the test value of the incumbent ended than it had been, never negative.
        is_charged: Whether it had nothing to show, and values seen or tested are the worst of the task.
    """

    study: Study
    seen: float | None = None
    kept: float | None = None
    confirmed: float | None = None
    test: float | None = None
    selected_test: float | None = None
    oracle_test: float | None = None
    overtuning: float | None = None
    is_charged: bool = False


Outcomes = Mapping[tuple[str, str], Sequence[Outcome]]  # by task and strategy


def all_outcomes(experiment: Experiment) -> Outcomes:
    """Returns what every study came to, those with nothing to show for their budget as `charged` says."""
    found = {
        (task, strategy): [outcome(experiment, study) for study in experiment.of(task=task, strategy=strategy)]
        for task in experiment.tasks
        for strategy in experiment.strategies
    }
    return {place: [charged(experiment, one, found) for one in of] for place, of in found.items()}


def outcome(experiment: Experiment, study: Study) -> Outcome:
    """Returns what a study came to within the budget."""
    best = best_trial(experiment, study)
    picked = chosen(experiment, study)
    of_best = next((one for one in study.confirmed if best and one.searched == best.value), None)  # within the budget
    selected, oracle, overtuning = _tests(experiment, counted_trials(experiment, study))
    return Outcome(
        study=study,
        seen=best.value if best else None,
        kept=_mean(of_best),
        confirmed=_mean(picked),
        test=float(np.mean(picked.tests)) if picked else None,
        selected_test=selected,
        oracle_test=oracle,
        overtuning=overtuning,
    )


def charged(experiment: Experiment, one: Outcome, among: Outcomes) -> Outcome:
    """Returns the outcome, with the worst values of its task where an ended study has nothing to show for its budget.

    Args:
        among: All outcomes by (task, strategy).
    """
    if not one.study.is_ended or loss_on_test(experiment, one.study) != math.inf:
        return one
    others = [other for (task, _), of in among.items() if task == one.study.task for other in of]
    worst = max if experiment.sign > 0 else min
    seen = [
        trial.value
        for other in others
        for trial in counted_trials(experiment, other.study)
        if is_complete(trial) and trial.value is not None
    ]
    tests = [other.test for other in others if other.test is not None]
    return replace(
        one,
        seen=worst(seen) if one.seen is None and seen else one.seen,
        test=worst(tests) if tests else None,
        is_charged=True,
    )


def _mean(confirmed: Confirmed | None) -> float | None:
    return float(np.mean(confirmed.values)) if confirmed and confirmed.values else None


def _tests(experiment: Experiment, trials: tuple[Trial, ...]) -> tuple[float | None, float | None, float | None]:
    """Returns the incumbent's test value, the best one, and the overtuning.

    Overtuning is test(incumbent at the end) - min over time of test(incumbent), as losses (Schneider, Bischl & Feurer
    2025).
    """
    complete = [trial for trial in trials if is_complete(trial)]
    if not complete or any(trial.test is None for trial in complete):
        return None, None, None
    sign = experiment.sign
    tests = np.array([sign * trial.test for trial in complete if trial.test is not None])
    losses = np.array([loss_or_inf(trial, sign=sign) for trial in complete])
    is_incumbent = losses < np.concatenate([[np.inf], np.minimum.accumulate(losses)[:-1]])
    of_incumbents = tests[is_incumbent]
    last = float(of_incumbents[-1])
    return sign * last, float(sign * tests.min()), float(last - of_incumbents.min())
