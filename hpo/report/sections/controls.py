"""The control every strategy should beat: random search with twice the budget.

Its value is an exact expectation over the pooled random evaluations (`pools`); nothing is drawn at random here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hpo.figures.figure import Cell
from hpo.report.analysis.conduct import control
from hpo.report.analysis.incumbents import is_beyond, steps, twice_the_budget
from hpo.report.analysis.phrases import listing, task_name, task_table
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import Scale
from hpo.report.document.content import Block, Column, Table, Text

Beaten = dict[str, dict[str, bool]]  # by strategy, by task


def build_control(experiment: Experiment, known: Mapping[str, Scale]) -> tuple[list[Block], dict[str, object]]:
    """Returns a row for each strategy against the control, a sentence on those that do not beat it, and the numbers."""
    rows: list[list[Cell]] = []
    beats: Beaten = {}
    numbers: dict[str, object] = {}
    for task in experiment.tasks:
        found = twice_the_budget(experiment, task, worst=known[task].worst)
        if found is None:
            continue
        expected, n_draws = found
        means = _means(experiment, task, known[task])
        numbers[task] = {"expected": experiment.sign * expected, "trials": n_draws}
        rows.append([task_name(task), f"{control(experiment)} × 2", n_draws, experiment.sign * expected, None, None])
        for strategy, mean in means.items():
            beats.setdefault(strategy, {})[task] = mean < expected
            is_ahead = None if strategy == control(experiment) else "yes" if mean < expected else "no"
            shown = [experiment.sign * mean, experiment.sign * (mean - expected)]
            rows.append([task_name(task), strategy, None, *shown, is_ahead])
    if not rows:
        return [Text(_absence(experiment), "note")], numbers
    return [_table(experiment, rows), Text(_sentence(experiment, beats, tasks=list(numbers)))], numbers


def _means(experiment: Experiment, task: str, scale: Scale) -> dict[str, float]:
    """Returns the mean loss of each strategy's incumbents at the end; without one a study has the worst seen.

    Of strategies with an ended study that can be compared at the budget.
    """
    found = {}
    for strategy in experiment.strategies:
        studies = experiment.of(task=task, strategy=strategy)
        curves = [steps(experiment, s) for s in studies if s.is_ended and not is_beyond(experiment, s)]
        if curves:
            found[strategy] = float(
                np.mean([curve.losses[-1] if curve.losses.size else scale.worst for curve in curves])
            )
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _absence(experiment: Experiment) -> str:
    if control(experiment) is None:
        return "There is no random search among the strategies, so the control of twice its budget is missing."
    return (
        "The control, random search with twice the budget, cannot be computed: it takes random search without pruning "
        "and at least two seeds' evaluations."
    )


def _table(experiment: Experiment, rows: list[list[Cell]]) -> Table:
    metric = experiment.metric
    titles = [
        "Task",
        "strategy",
        "trials",
        f"best validation ({metric})",
        f"minus control ({metric})",
        "ahead of control",
    ]
    note = (
        "The control's value is the exact expected best of twice the trials of a random study, drawn from all random "
        "evaluations; the others are means over seeds at the given budget (exploratory, no test)."
    )
    table = Table("statistics-control", "Random search with twice the budget", [*map(Column, titles)], rows, note)
    return task_table(experiment, table)


def _sentence(experiment: Experiment, beats: Beaten, *, tasks: Sequence[str]) -> str:
    """Returns which strategies beat the control, and which are not held against it."""
    name = f"{control(experiment)} with twice the budget"
    others = [strategy for strategy in experiment.strategies if strategy != control(experiment)]
    behind = {other: sum(not is_ahead for is_ahead in beats.get(other, {}).values()) for other in others}
    missing = {other: len(tasks) - len(beats.get(other, {})) for other in others}
    tail = ""
    if any(missing.values()):
        who = _listed(missing, n_tasks=len(experiment.tasks))
        tail = f"; {who} {_verb(missing, 'has', 'have')} no study to hold against it"
    if any(behind.values()):
        who = _listed(behind, n_tasks=len(experiment.tasks))
        return f"{who} {_verb(behind, 'does', 'do')} not beat {name}{tail}."
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
