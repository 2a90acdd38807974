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
from hpo.report.analysis.phrases import task_name
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.tables import Field, Record, nested, table

MIN_SEEDS = 3
Cells = Mapping[tuple[str, str], str]
"""The strategy of each combination of sampler and pruner."""
Best = Mapping[int, float]
"""The best value of a study by its seed."""
BestValues = Mapping[tuple[str, str], Best]
"""Of each combination of sampler and pruner."""


def build_factorial(experiment: Experiment) -> Section | None:
    """Returns the part of the pruning section on sampler x pruner; None when the strategies do not form a factorial."""
    cells = find_cells(experiment)
    if cells is None:
        return None
    by_task = {task: _best_values(experiment, task, cells) for task in experiment.tasks}
    contrasts = {task: _contrasts(best) for task, best in by_task.items()}
    note = Text(
        "Values are the best of complete trials within the budget; seeds for which a combination has none are left "
        "out of a difference. Both tables are exploratory.",
        tone="note",
    )
    blocks: list[Block] = [_means_table(experiment, by_task), _contrasts_table(experiment, contrasts), note]
    numbers = {
        task_name(task): {
            "means": {f"{sampler} x {pruner}": _mean(values) for (sampler, pruner), values in best.items()},
            "differences": nested(contrasts[task], by=["name"]),
        }
        for task, best in by_task.items()
    }
    return Section("factorial", "Sampler x pruner", blocks, numbers)


def find_cells(experiment: Experiment) -> Cells | None:
    """Returns the strategy of every combination of two or more samplers and pruners, the arm without pruning first.

    None when a combination is missing or has several strategies.
    """
    cells: dict[tuple[str, str], str] = {}
    for strategy in experiment.strategies:
        kinds = {
            (s.facts.get("sampler", ""), s.facts.get("pruner") or "none") for s in experiment.of(strategy=strategy)
        }
        kind = kinds.pop()
        if kinds or not kind[0] or kind in cells:
            return None
        cells[kind] = strategy
    samplers = list(dict.fromkeys(sampler for sampler, _ in cells))
    pruners = sorted(dict.fromkeys(pruner for _, pruner in cells), key=lambda pruner: pruner != "none")
    crossed = list(product(samplers, pruners))
    if len(samplers) < 2 or len(pruners) < 2 or any(one not in cells for one in crossed):
        return None
    return {one: cells[one] for one in crossed}


def _best_values(experiment: Experiment, task: str, cells: Cells) -> dict[tuple[str, str], Best]:
    """Returns the best values of the studies of every combination."""
    return {
        cell: {
            study.seed: best.value
            for study in experiment.of(task=task, strategy=strategy)
            if (best := best_trial(experiment, study)) is not None and best.value is not None
        }
        for cell, strategy in cells.items()
    }


def _mean(best: Best) -> float | None:
    return fmean(best.values()) if best else None


def _means_table(experiment: Experiment, by_task: Mapping[str, BestValues]) -> Table:
    rows: dict[tuple[str, str], dict[str, Cell]] = {}
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("sampler", "Sampler"),
    ]
    for task, best in by_task.items():
        for (sampler, pruner), values in best.items():
            row = rows.setdefault((task, sampler), {"task": task, "sampler": sampler})
            row[f"by {pruner}"] = _mean(values)
    pruners = dict.fromkeys(pruner for best in by_task.values() for _, pruner in best)
    columns += [Field(f"by {pruner}", f"Pruner {pruner} ({experiment.metric})") for pruner in pruners]
    note = f"Mean over seeds of the best value; {experiment.better} is better."
    return table(experiment, "pruning_factorial", "Sampler x pruner", columns, rows.values(), note)


def _contrasts_table(experiment: Experiment, contrasts: Mapping[str, Sequence[Record]]) -> Table:
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("name", "Difference"),
        Field("mean", f"Mean ({experiment.metric})"),
        Field("low", "95 % from"),
        Field("high", "95 % to"),
        Field("n_seeds", "Seeds"),
    ]
    good = "Below" if experiment.better == "lower" else "Above"
    note = (
        f"{good} 0 the first named is better; an interaction is what pruning changes for the first sampler less what "
        f"it changes for the second, paired by seed (intervals by Student's t, from {MIN_SEEDS} seeds on)."
    )
    records = [{"task": task, **record} for task, of in contrasts.items() for record in of]
    return table(experiment, "pruning_interaction", "Effect of the pruner and interaction", columns, records, note)


def _contrasts(best: BestValues) -> list[Record]:
    """Returns the effect of each pruner on each sampler, and by how much these effects differ."""
    samplers, pruners = ([*dict.fromkeys(names)] for names in zip(*best, strict=True))
    contrasts: list[Record] = []
    for pruner in pruners[1:]:
        effects = {sampler: _differences(best[sampler, pruner], best[sampler, pruners[0]]) for sampler in samplers}
        for sampler, effect in effects.items():
            contrasts.append(_contrast(f"{sampler}: {pruner} - {pruners[0]}", effect))
        for one, other in combinations(samplers, 2):
            interaction = _differences(effects[one], effects[other])
            contrasts.append(_contrast(f"interaction of {pruner}: {one} - {other}", interaction))
    return contrasts


def _differences(ones: Best, others: Best) -> dict[int, float]:
    return {seed: ones[seed] - others[seed] for seed in ones if seed in others}


def _contrast(name: str, by_seed: Best) -> Record:
    """Returns the mean over seeds and Student's 95 % interval of it."""
    n, mean = len(by_seed), _mean(by_seed)
    if mean is None or n < MIN_SEEDS:
        return {"name": name, "mean": mean, "low": None, "high": None, "n_seeds": n}
    reach = float(stats.t.ppf(0.975, n - 1)) * stdev(by_seed.values()) / sqrt(n)
    return {"name": name, "mean": mean, "low": mean - reach, "high": mean + reach, "n_seeds": n}
