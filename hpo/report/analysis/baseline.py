"""How the strategies stand to the baseline of their texts: a logistic regression on bags of words.

What it reached is in the record, measured when texts were prepared and trials tested; nothing is fitted here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.report.analysis.outcomes import Outcome, Outcomes
from hpo.report.analysis.phrases import listing, number
from hpo.report.analysis.records import Baseline, Experiment

NAME = "bag of words (baseline)"
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
        beaten_by: The strategies that were better than it on average, in the same seeds.
    """

    task: str
    part: str
    measured: str
    value: float
    means: Mapping[str, float]
    beaten_by: Sequence[str]


def standings(experiment: Experiment, outcomes: Outcomes) -> list[Standing]:
    """Returns the standing of each task whose baseline is known, and what the studies came to."""
    found = (_standing(experiment, outcomes, task) for task in experiment.tasks)
    return [each for each in found if each is not None]


def baseline_values(experiment: Experiment, task: str, part: str) -> dict[int, float]:
    """Returns what the baseline reached on a part of the texts of a task, by seed; {} if unknown."""
    by_seed: dict[int, list[float]] = {}
    for study in experiment.of(task=task):
        value = PARTS[part](study.baseline) if study.baseline else None
        if value is not None:
            by_seed.setdefault(study.seed, []).append(value)
    return {seed: float(np.mean(values)) for seed, values in sorted(by_seed.items())}


def unbeaten_sentences(experiment: Experiment, found: Sequence[Standing]) -> list[str]:
    """Returns a sentence for each task on which no strategy beats the baseline."""
    return [_unbeaten(experiment, each) for each in found if not each.beaten_by]


def beaten_sentences(experiment: Experiment, found: Sequence[Standing]) -> list[str]:
    """Returns a sentence for each task on which a strategy beats the baseline, that names those that do not."""
    return [_beaten(experiment, each) for each in found if each.beaten_by]


def standing_numbers(found: Sequence[Standing]) -> dict[str, object]:
    """Returns what report.json holds of them, by task."""
    return {
        each.task: {"part": each.part, "value": each.value, "means": dict(each.means), "beaten_by": each.beaten_by}
        for each in found
    }


def _standing(experiment: Experiment, outcomes: Outcomes, task: str) -> Standing | None:
    for part, measured, read in MEASURES:
        held_by_seed = baseline_values(experiment, task, part)
        means, beaten_by = {}, []
        for strategy in experiment.strategies:
            both = [(read(one), _held(one, part, held_by_seed)) for one in outcomes[task, strategy]]
            known = [(own, held) for own, held in both if own is not None and held is not None]
            if known:
                own, held = np.mean(known, axis=0)
                means[strategy] = float(own)
                beaten_by += [strategy] if experiment.sign * (own - held) < 0 else []
        if means:
            value = float(np.mean(list(held_by_seed.values())))
            return Standing(task, part, measured, value, means, beaten_by)
    return None


def _held(one: Outcome, part: str, by_seed: Mapping[int, float]) -> float | None:
    """Returns what the baseline reached on a study's texts; one that was never tested has those of its seed."""
    own = PARTS[part](one.study.baseline) if one.study.baseline else None
    return by_seed.get(one.study.seed) if own is None else own


def _unbeaten(experiment: Experiment, of: Standing) -> str:
    best = min(of.means, key=lambda strategy: experiment.sign * of.means[strategy])
    who = f"the networks of {best}" if len(of.means) == 1 else f"the best networks, those of {best},"
    return (
        f"No strategy's networks beat a bag of words{_on(experiment, of)}: logistic regression reaches "
        f"{experiment.metric} {number(of.value)} on the {of.part} texts, {who} {number(of.means[best])} {of.measured} "
        "(means over seeds)."
    )


def _beaten(experiment: Experiment, of: Standing) -> str:
    behind = [strategy for strategy in of.means if strategy not in of.beaten_by]
    but = f", those of {_named(of, behind)} do not" if behind else ""
    return (
        f"Logistic regression on bags of words reaches {experiment.metric} {number(of.value)} on the {of.part} texts"
        f"{_on(experiment, of)}: the networks of {_named(of, of.beaten_by)} beat it {of.measured}{but} "
        "(means over seeds, no claim)."
    )


def _named(of: Standing, strategies: Sequence[str]) -> str:
    return listing([f"{strategy} ({number(of.means[strategy])})" for strategy in strategies])


def _on(experiment: Experiment, of: Standing) -> str:
    return f" on {of.task}" if len(experiment.tasks) > 1 else ""
