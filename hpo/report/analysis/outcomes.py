"""What each study came to: the value it saw, the value it kept when retrained, its test value; and the baseline.

The baseline of texts is a linear model of their words; what it reached is in the record, nothing is fitted
here. Values are in units of the metric; what is averaged or drawn of them is `performance`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from hpo.report.analysis.endpoints import chosen, is_confirmed, loss_on_test
from hpo.report.analysis.incumbents import best_trial, counted_trials, is_complete, steps
from hpo.report.analysis.phrases import effect_text, interval_text, listing, number
from hpo.report.analysis.records import Baseline, Confirmed, Experiment, Study
from hpo.statistics.equality import levelled_differences
from hpo.statistics.interval import Interval
from hpo.statistics.signed_rank import hodges_lehmann, signed_rank_interval


@dataclass(frozen=True)
class Outcome:
    """One study at the end of its budget; None where something was not measured.

    Attributes:
        study: Whose.
        seen: Best value among its COMPLETE trials.
        kept: Mean of the retrainings of the configuration that had the best value in the search.
        confirmed: Mean of the retrainings of the configuration that was chosen; without a test of the best one.
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
    outcomes = {
        (task, strategy): [outcome(experiment, study) for study in experiment.of(task=task, strategy=strategy)]
        for task in experiment.tasks
        for strategy in experiment.strategies
    }
    return {place: [charged(experiment, one, outcomes) for one in of] for place, of in outcomes.items()}


def outcome(experiment: Experiment, study: Study) -> Outcome:
    """Returns what a study came to within the budget."""
    best = best_trial(experiment, study)
    picked = chosen(experiment, study)
    of_best = next((one for one in study.confirmed if best and one.searched == best.value), None)  # within the budget
    selected, oracle, overtuning = _tests(experiment, study)
    return Outcome(
        study=study,
        seen=best.value if best else None,
        kept=_mean(of_best),
        confirmed=_mean(picked or (of_best if is_confirmed(experiment, study) else None)),
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


def _tests(experiment: Experiment, study: Study) -> tuple[float | None, float | None, float | None]:
    """Returns the incumbent's test value, the best one, and the overtuning.

    Overtuning is test(incumbent at the end) - min over time of test(incumbent), as losses (Schneider, Bischl & Feurer
    2025).
    """
    complete = [trial for trial in counted_trials(experiment, study) if is_complete(trial)]
    tests = [experiment.sign * trial.test for trial in complete if trial.test is not None]
    if not complete or len(tests) < len(complete):
        return None, None, None
    of_incumbents = steps(experiment, study, is_on_test=True).losses
    last = float(of_incumbents[-1])
    return experiment.sign * last, experiment.sign * min(tests), float(last - of_incumbents.min())


BASELINE = "linear model (baseline)"
VALID, TEST = "valid", "test"
PARTS: Mapping[str, Callable[[Baseline], float | None]] = {
    VALID: lambda baseline: baseline.valid,
    TEST: lambda baseline: baseline.test,
}
# What networks are measured by against it, the first of them that was measured; and on which texts.
MEASURES: tuple[tuple[str, str, Callable[[Outcome], float | None]], ...] = (
    (TEST, "there", lambda one: one.test),
    (VALID, "when retrained", lambda one: one.confirmed),
    (VALID, "at the best of their searches", lambda one: one.seen),
)


@dataclass(frozen=True)
class Standing:
    """How the strategies stand to the baseline on one task.

    Attributes:
        task: Whose.
        part: On whose texts both were measured: valid or test.
        measured: What of the networks was measured there, in words.
        value: What the baseline reached, averaged over seeds.
        means: What each strategy reached, averaged over its seeds.
        differences: Of each strategy, network less baseline, seed by seed, and the interval of the typical one.
        beaten_by, ahead_of: The strategies that were better than it, and worse, by an interval without 0. What was
            chosen on the very texts is never better: test is held against test.
    """

    task: str
    part: str
    measured: str
    value: float
    means: Mapping[str, float]
    differences: Mapping[str, tuple[float, Interval]]
    beaten_by: Sequence[str]
    ahead_of: Sequence[str]


def standings(experiment: Experiment, outcomes: Outcomes) -> list[Standing]:
    """Returns the standing of each task whose baseline is known, and what the studies came to."""
    by_task = (_standing(experiment, outcomes, task) for task in experiment.tasks)
    return [standing for standing in by_task if standing is not None]


def baseline_values(experiment: Experiment, task: str, part: str) -> dict[int, float]:
    """Returns what the baseline reached on a part of the texts of a task, by seed; {} if unknown."""
    by_seed: dict[int, list[float]] = {}
    for study in experiment.of(task=task):
        value = PARTS[part](study.baseline) if study.baseline else None
        if value is not None:
            by_seed.setdefault(study.seed, []).append(value)
    return {seed: float(np.mean(values)) for seed, values in sorted(by_seed.items())}


def unbeaten_sentences(experiment: Experiment, standings: Sequence[Standing]) -> list[str]:
    """Returns a sentence for each task on which no strategy is known to beat the baseline."""
    return [_unbeaten(experiment, standing) for standing in standings if not standing.beaten_by]


def beaten_sentences(experiment: Experiment, standings: Sequence[Standing]) -> list[str]:
    """Returns a sentence for each task on which a strategy beats the baseline, that names those that do not."""
    return [_beaten(experiment, standing) for standing in standings if standing.beaten_by]


def standing_numbers(standings: Sequence[Standing]) -> dict[str, object]:
    """Returns what report.json holds of them, by task."""
    return {
        each.task: {
            "part": each.part,
            "value": each.value,
            "means": dict(each.means),
            "differences": {
                strategy: {"difference": shift, "low": interval.low, "high": interval.high}
                for strategy, (shift, interval) in each.differences.items()
            },
            "beaten_by": each.beaten_by,
            "ahead_of": each.ahead_of,
        }
        for each in standings
    }


def _standing(experiment: Experiment, outcomes: Outcomes, task: str) -> Standing | None:
    for part, measured, read in MEASURES:
        held_by_seed = baseline_values(experiment, task, part)
        means: dict[str, float] = {}
        differences: dict[str, tuple[float, Interval]] = {}
        for strategy in experiment.strategies:
            both = [(read(one), _held(one, part, held_by_seed)) for one in outcomes[task, strategy]]
            known = np.array([(own, held) for own, held in both if own is not None and held is not None], float)
            if known.size:
                means[strategy] = float(known[:, 0].mean())
                exact = levelled_differences(known[:, 0] - known[:, 1], np.abs(known).max(axis=1))
                differences[strategy] = hodges_lehmann(exact), signed_rank_interval(exact)
        if means:
            value = float(np.mean(list(held_by_seed.values())))
            told = {name: experiment.sign * d for name, (d, interval) in differences.items() if interval.excludes_zero}
            beaten_by = [name for name, loss in told.items() if loss < 0 and part == TEST]
            behind = [name for name, loss in told.items() if loss > 0]
            return Standing(task, part, measured, value, means, differences, beaten_by, behind)
    return None


def _held(one: Outcome, part: str, by_seed: Mapping[int, float]) -> float | None:
    """Returns what the baseline reached on a study's texts; one that was never tested has those of its seed."""
    own = PARTS[part](one.study.baseline) if one.study.baseline else None
    return by_seed.get(one.study.seed) if own is None else own


def _unbeaten(experiment: Experiment, of: Standing) -> str:
    best = min(of.means, key=lambda strategy: experiment.sign * of.means[strategy])
    who = f"the networks of {best}" if len(of.means) == 1 else f"the best networks, those of {best},"
    is_told = len(of.ahead_of) == len(of.means)
    what = "No strategy's networks beat" if is_told else "No strategy's networks are known to beat"
    why = "" if is_told or of.part == TEST else ", as they were not tested"
    return (
        f"{what} a linear model of the words{_on(experiment, of)}{why}: it reaches {experiment.metric} "
        f"{number(of.value)} on the {of.part} texts, {who} {number(of.means[best])} {of.measured} (means over seeds; "
        f"{_difference(of, best)})."
    )


def _beaten(experiment: Experiment, of: Standing) -> str:
    groups = [
        (of.ahead_of, "fall behind it"),
        ([name for name in of.means if name not in (*of.beaten_by, *of.ahead_of)], "are not told apart from it"),
    ]
    but = "".join(f", those of {_named(of, names)} {verb}" for names, verb in groups if names)
    return (
        f"A linear model of the words reaches {experiment.metric} {number(of.value)} on the {of.part} texts"
        f"{_on(experiment, of)}: the networks of {_named(of, of.beaten_by)} beat it {of.measured}{but}."
    )


def _named(of: Standing, strategies: Sequence[str]) -> str:
    return listing([f"{name} ({number(of.means[name])}; {_difference(of, name)})" for name in strategies])


def _difference(of: Standing, strategy: str) -> str:
    shift, interval = of.differences[strategy]
    return f"difference {effect_text(shift, interval)}, {interval_text(shift, interval)}"


def _on(experiment: Experiment, of: Standing) -> str:
    return f" on {of.task}" if len(experiment.tasks) > 1 else ""
