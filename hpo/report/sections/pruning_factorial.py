"""Sampler x pruner: the mean of every combination, and whether pruning does more for one sampler than for another.

Exploratory; which strategy is better is the verdict's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from math import sqrt
from statistics import fmean, stdev

from scipy import stats

from hpo.figures.figure import Cell
from hpo.report.analysis.incumbents import best_trial
from hpo.report.analysis.phrases import TASK, task_name, task_table
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Column, Section, Table, Text

MIN_SEEDS = 3
Cells = Mapping[tuple[str, str], str]
"""The strategy of each combination of sampler and pruner."""
Best = Mapping[int, float]
"""The best value of a study by its seed."""


def build_factorial(experiment: Experiment) -> Section | None:
    """Returns the part of the pruning section on sampler x pruner; None when the strategies do not form a factorial."""
    cells = find_cells(experiment)
    if cells is None:
        return None
    blocks: list[Block] = [_means(experiment, cells), _contrasts(experiment, cells)]
    blocks.append(
        Text(
            "Values are the best of complete trials within the budget; seeds for which a combination has none are left "
            "out of a difference. Both tables are exploratory.",
            tone="note",
        )
    )
    numbers = {
        task_name(task): {
            "means": {
                f"{sampler} x {pruner}": _mean(experiment, task, name) for (sampler, pruner), name in cells.items()
            },
            "differences": {
                name: {"mean": mean, "low": low, "high": high, "n_seeds": n}
                for name, mean, low, high, n in _rows(experiment, task, cells)
            },
        }
        for task in experiment.tasks
    }
    return Section("factorial", "Sampler x pruner", blocks, numbers)


def find_cells(experiment: Experiment) -> Cells | None:
    """Returns the strategy of every combination of two or more samplers and pruners, the arm without pruning first.

    None when a combination is missing or has several strategies.
    """
    found: dict[tuple[str, str], str] = {}
    for strategy in experiment.strategies:
        kinds = {(s.facts.get("sampler", ""), _pruner(s.facts)) for s in experiment.of(strategy=strategy)}
        kind = kinds.pop()
        if kinds or not kind[0] or kind in found:
            return None
        found[kind] = strategy
    samplers = list(dict.fromkeys(sampler for sampler, _ in found))
    pruners = sorted(dict.fromkeys(pruner for _, pruner in found), key=lambda pruner: pruner != "none")
    crossed = list(product(samplers, pruners))
    if len(samplers) < 2 or len(pruners) < 2 or any(one not in found for one in crossed):
        return None
    return {one: found[one] for one in crossed}


def _pruner(facts: Mapping[str, str]) -> str:
    return facts.get("pruner") or "none"


def _best(experiment: Experiment, task: str, strategy: str) -> Best:
    found = {}
    for study in experiment.of(task=task, strategy=strategy):
        best = best_trial(experiment, study)
        if best is not None and best.value is not None:
            found[study.seed] = best.value
    return found


def _mean(experiment: Experiment, task: str, strategy: str) -> float | None:
    best = _best(experiment, task, strategy)
    return fmean(best.values()) if best else None


def _means(experiment: Experiment, cells: Cells) -> Table:
    samplers, pruners = ([*dict.fromkeys(names)] for names in zip(*cells, strict=True))
    rows: list[Sequence[Cell]] = [
        [task_name(task), sampler, *(_mean(experiment, task, cells[sampler, pruner]) for pruner in pruners)]
        for task in experiment.tasks
        for sampler in samplers
    ]
    columns = [TASK, Column("Sampler"), *(Column(f"Pruner {pruner} ({experiment.metric})") for pruner in pruners)]
    better = "lower" if experiment.direction == "minimize" else "higher"
    note = f"Mean over seeds of the best value; {better} is better."
    return task_table(experiment, Table("pruning_factorial", "Sampler x pruner", columns, rows, note))


def _contrasts(experiment: Experiment, cells: Cells) -> Table:
    rows: list[Sequence[Cell]] = [
        [task_name(task), *row] for task in experiment.tasks for row in _rows(experiment, task, cells)
    ]
    unit = experiment.metric
    columns = [TASK, Column("Difference"), Column(f"Mean ({unit})"), Column("95 % from"), Column("95 % to")]
    columns.append(Column("Seeds"))
    good = "Below" if experiment.direction == "minimize" else "Above"
    note = (
        f"{good} 0 the first named is better; an interaction is what pruning changes for the first sampler less what "
        f"it changes for the second, paired by seed (intervals by Student's t, from {MIN_SEEDS} seeds on)."
    )
    table = Table("pruning_interaction", "Effect of the pruner and interaction", columns, rows, note)
    return task_table(experiment, table)


def _rows(
    experiment: Experiment, task: str, cells: Cells
) -> list[tuple[str, float | None, float | None, float | None, int]]:
    samplers, pruners = ([*dict.fromkeys(names)] for names in zip(*cells, strict=True))
    best = {cell: _best(experiment, task, strategy) for cell, strategy in cells.items()}
    rows = []
    for pruner in pruners[1:]:
        effects = {sampler: _differences(best[sampler, pruner], best[sampler, pruners[0]]) for sampler in samplers}
        for sampler in samplers:
            rows.append((f"{sampler}: {pruner} - {pruners[0]}", *_interval(list(effects[sampler].values()))))
        for one, other in combinations(samplers, 2):
            interaction = _differences(effects[one], effects[other])
            rows.append((f"interaction of {pruner}: {one} - {other}", *_interval(list(interaction.values()))))
    return rows


def _differences(ones: Best, others: Best) -> dict[int, float]:
    return {seed: ones[seed] - others[seed] for seed in ones if seed in others}


def _interval(values: Sequence[float]) -> tuple[float | None, float | None, float | None, int]:
    """Returns the mean, Student's 95 % interval of it, and how many values there are."""
    n = len(values)
    if n < MIN_SEEDS:
        return (fmean(values) if n else None), None, None, n
    mean = fmean(values)
    reach = float(stats.t.ppf(0.975, n - 1)) * stdev(values) / sqrt(n)
    return mean, mean - reach, mean + reach, n
