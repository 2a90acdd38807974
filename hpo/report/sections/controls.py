"""The control every strategy should beat: random search with twice the budget.

Its value is an exact expectation over the pooled random evaluations; nothing is drawn at random here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.incumbents import is_beyond, steps, twice_the_budget
from hpo.report.analysis.phrases import listing
from hpo.report.document.content import Block, Text
from hpo.report.sections.tables import Field, Record, nested, table

Beaten = dict[str, dict[str, bool]]  # by strategy, by task


def build_control(analysis: Analysis) -> tuple[list[Block], dict[str, object]]:
    """Returns a row for each strategy against the control, a sentence on those that do not beat it, and the numbers."""
    experiment, control = analysis.experiment, analysis.control
    records: list[Record] = []
    beats: Beaten = {}
    for task in experiment.tasks:
        found = twice_the_budget(experiment, task, worst=analysis.scales[task].worst)
        if found is None:
            continue
        expected, n_draws = found
        value = experiment.sign * expected
        records.append({"task": task, "strategy": f"{control} × 2", "trials": n_draws, "expected": value})
        for strategy, mean in _means(analysis, task).items():
            beats.setdefault(strategy, {})[task] = mean < expected
            records.append(
                {
                    "task": task,
                    "strategy": strategy,
                    "expected": experiment.sign * mean,
                    "difference": experiment.sign * (mean - expected),
                    "is_ahead": None if strategy == control else "yes" if mean < expected else "no",
                }
            )
    controls = [record for record in records if "trials" in record]
    numbers = nested(controls, by=["task"], names=["expected", "trials"])
    if not records:
        return [Text(_absence(control), "note")], numbers
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("strategy", "strategy"),
        Field("trials", "trials"),
        Field("expected", f"best validation ({experiment.metric})"),
        Field("difference", f"minus control ({experiment.metric})"),
        Field("is_ahead", "ahead of control"),
    ]
    note = (
        "The control's value is the exact expected best of twice the trials of a random study, drawn from all random "
        "evaluations; the others are means over seeds at the given budget (exploratory, no test)."
    )
    title = "Random search with twice the budget"
    shown = table(experiment, "statistics-control", title, columns, records, note)
    return [shown, Text(_sentence(analysis, beats, tasks=list(numbers)))], numbers


def _means(analysis: Analysis, task: str) -> dict[str, float]:
    """Returns the mean loss of each strategy's incumbents at the end; without one a study has the worst seen.

    Of strategies with an ended study that can be compared at the budget.
    """
    experiment, worst = analysis.experiment, analysis.scales[task].worst
    means = {}
    for strategy in experiment.strategies:
        studies = experiment.of(task=task, strategy=strategy)
        curves = [steps(experiment, s) for s in studies if s.is_ended and not is_beyond(experiment, s)]
        if curves:
            means[strategy] = float(np.mean([curve.losses[-1] if curve.losses.size else worst for curve in curves]))
    return {name: value for name, value in means.items() if math.isfinite(value)}


def _absence(control: str | None) -> str:
    if control is None:
        return "There is no random search among the strategies, so the control of twice its budget is missing."
    return (
        "The control, random search with twice the budget, cannot be computed: it takes random search without pruning "
        "and at least two seeds' evaluations."
    )


def _sentence(analysis: Analysis, beats: Beaten, *, tasks: Sequence[str]) -> str:
    """Returns which strategies beat the control, and which are not held against it."""
    name = f"{analysis.control} with twice the budget"
    n_tasks = len(analysis.experiment.tasks)
    others = [strategy for strategy in analysis.experiment.strategies if strategy != analysis.control]
    behind = {other: sum(not is_ahead for is_ahead in beats.get(other, {}).values()) for other in others}
    missing = {other: len(tasks) - len(beats.get(other, {})) for other in others}
    tail = ""
    if any(missing.values()):
        who = _listed(missing, n_tasks=n_tasks)
        tail = f"; {who} {_verb(missing, 'has', 'have')} no study to hold against it"
    if any(behind.values()):
        return f"{_listed(behind, n_tasks=n_tasks)} {_verb(behind, 'does', 'do')} not beat {name}{tail}."
    if not any(beats.get(other) for other in others):
        return f"No other strategy is held against {name} yet{tail}."
    if not tail:
        return f"Every other strategy is ahead of {name}."
    ahead = [other for other in others if beats.get(other)]
    return f"{listing(ahead)} {'is' if len(ahead) == 1 else 'are'} ahead of {name}{tail}."


def _listed(numbers: Mapping[str, int], *, n_tasks: int) -> str:
    """Returns the strategies with a number above 0, and with several tasks the number."""
    return listing([f"{s} (on {n} of {n_tasks} tasks)" if n_tasks > 1 else s for s, n in numbers.items() if n])


def _verb(numbers: Mapping[str, int], one: str, many: str) -> str:
    return one if sum(n > 0 for n in numbers.values()) == 1 else many
