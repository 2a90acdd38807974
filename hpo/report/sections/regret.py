"""Section 4, on a scale all tasks share: normalised regret, mean rank and area over the budget.

The arrays behind it are `regrets`'; the incumbent in the metric's own units is `anytime`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hpo.figures.figure import Axis, Cell, Figure, Series, View
from hpo.report.analysis.claims import unit_of
from hpo.report.analysis.phrases import TASK, count, number, task_name, task_table
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import Regrets, Scale, area, mean_ranks, regrets, scales
from hpo.report.document.content import Block, Column, Section, Table, Text
from hpo.report.sections.averages import Average, average, average_series, thin_series
from hpo.statistics.bootstrap import N_RESAMPLES, Resampling, mean_interval, resampling

Floats = NDArray[np.float64]


def build_regret(experiment: Experiment, *, seed: int = 0, n_resamples: int = N_RESAMPLES) -> Section:
    """Returns normalised regret and mean rank over the budget, the area under the former, and a map of tasks."""
    known, source = scales(experiment), resampling(seed, n_resamples)
    of = regrets(experiment, known)
    if of is None:
        nothing = Text("No trial is COMPLETE within the budget, so there is no regret to show.", "warning")
        return Section("regret", "Regret and ranks", [nothing])
    capped = of.capped()
    ranks = mean_ranks(of, experiment.strategies, tasks=experiment.tasks)
    by_rank = {name: average(ranks[index], of.along, source=source) for index, name in enumerate(experiment.strategies)}
    areas = {name: _areas(experiment, capped, name) for name in experiment.strategies}
    blocks: list[Block] = [*_scale_blocks(experiment, known), _regret_figure(experiment, capped, source=source)]
    if len(experiment.strategies) > 1:
        blocks.append(_rank_figure(experiment, by_rank))
    blocks.append(_area_table(experiment, areas, source=source))
    if len(experiment.tasks) > 1:
        blocks += [_map(experiment, of, known)]
    return Section("regret", "Regret and ranks", blocks, _numbers(experiment, of, known, areas, by_rank))


def _scale_blocks(experiment: Experiment, known: Mapping[str, Scale]) -> list[Block]:
    """Returns what 0 and 1 are, on each task."""
    rows: list[list[Cell]] = [
        [task_name(task), experiment.sign * scale.best, experiment.sign * scale.reference, scale.source]
        for task, scale in known.items()
        if math.isfinite(scale.best)
    ]
    columns = [TASK, *(Column(f"{name} ({experiment.metric})") for name in ("regret 0", "regret 1"))]
    text = (
        "Exploratory. Regret is 0 at the best value known over all strategies and 1 at the median evaluation of random "
        "search, where there is one. Curves over the budget and the area below them count no more than 1, "
        "which is also what a study has before its first incumbent."
    )
    note = "Regret is the share of the way from regret 0 to regret 1; it has no unit and can exceed 1."
    table = Table("scales", "The scale of regret", [*columns, Column("1 is the median of")], rows, note)
    return [Text(text, "note"), task_table(experiment, table)]


def _regret_figure(experiment: Experiment, of: Regrets, *, source: Resampling) -> Figure:
    unit = unit_of(experiment)
    views = []
    for statistic in ("mean", "IQM"):
        series: list[Series] = []
        averages: list[Series] = []
        for strategy in experiment.strategies:
            rows = of.units(strategy, tasks=experiment.tasks)
            names = _unit_names(experiment, of, strategy)
            series += [_thin(strategy, name, of.along, row) for name, row in zip(names, rows, strict=True)]
            mean = average(rows, of.along, statistic=statistic, source=source)
            averages += average_series(mean, strategy)
        axes = Axis(f"{experiment.unit} charged so far"), Axis("normalised regret (no unit)", is_log=True)
        views.append(View(statistic, *axes, [one for one in series + averages if one.x]))
    caption = (
        f"Lower is better: a faint line for each {unit}, bold the {unit}s' mean (or IQM) with its 95 % bootstrap band, "
        f"points instead where there are fewer than six {unit}s; 0 is the best value known, 1 a median random "
        "evaluation or worse."
    )
    return Figure("regret", "Normalised regret over the budget", caption, views)


def _unit_names(experiment: Experiment, of: Regrets, strategy: str) -> list[str]:
    keys = list(of.rows[strategy])
    if len(experiment.tasks) == 1:
        return [f"seed {seed}" for _, seed in keys]
    return [task for task in experiment.tasks if any(own == task for own, _ in keys)]


def _thin(strategy: str, name: str, along: Floats, row: Floats) -> Series:
    """Returns the corners of a step curve alone."""
    known = np.isfinite(row)
    x, y = along[known], row[known]
    is_corner = np.ones(x.size, bool)
    is_corner[1:-1] = y[1:-1] != y[:-2]
    return thin_series(f"{strategy}, {name}", strategy, x[is_corner].tolist(), y[is_corner].tolist())


def _rank_figure(experiment: Experiment, averages: Mapping[str, Average]) -> Figure:
    series = [one for name, mean in averages.items() for one in average_series(mean, name)]
    n = next(iter(averages.values())).n
    axes = Axis(f"{experiment.unit} charged so far"), Axis("mean rank (1 is best)", is_reversed=True)
    caption = (
        f"Higher is better: the mean rank among {len(averages)} strategies over {count(n, unit_of(experiment))} that "
        "all of them have, with a 95 % bootstrap band (points where there are fewer than six); before its first "
        "incumbent a study ranks behind all that have one."
    )
    return Figure("rank", "Mean rank over the budget", caption, [View("mean rank", *axes, series)])


def _areas(experiment: Experiment, of: Regrets, strategy: str) -> Floats:
    """Returns the area of each unit that has one."""
    by_task: dict[str, list[float]] = {}
    for (task, _), row in of.rows[strategy].items():
        value = area(row, of.along, first=of.first[task], budget=experiment.budget) if task in of.first else None
        if value is not None:
            by_task.setdefault(task, []).append(value)
    if len(experiment.tasks) == 1:
        return np.array([value for values in by_task.values() for value in values], float)
    return np.array([np.mean(values) for values in by_task.values()], float)


def _area_table(experiment: Experiment, areas: Mapping[str, Floats], *, source: Resampling) -> Table:
    rows: list[list[Cell]] = []
    for strategy, values in areas.items():
        interval = mean_interval(values, source=source)
        mean = float(values.mean()) if values.size else None
        rows.append([strategy, values.size, mean, interval.low, interval.high, interval.method])
    titles = ["strategy", f"{unit_of(experiment)}s", "mean regret over log budget", "95 % low", "95 % high", "interval"]
    note = (
        "Area under normalised regret over the logarithm of the budget, from the first COMPLETE trial of any study to "
        "the end, as a mean height (no unit): lower is better at any time."
    )
    return Table("regret-area", "One number for the whole curve", [*map(Column, titles)], rows, note)


def _map(experiment: Experiment, of: Regrets, known: Mapping[str, Scale]) -> Figure:
    """Returns a cell for each strategy and task: its mean final value, shaded from worst to best of the task."""
    finals = {name: _finals(experiment, of, name) for name in experiment.strategies}
    tasks: list[str] = []
    names: list[str] = []
    shades: list[float] = []
    texts: list[str] = []
    for task in experiment.tasks:
        column = {name: finals[name][task] for name in finals if task in finals[name]}
        low, high = min(column.values(), default=0.0), max(column.values(), default=0.0)
        shades += [1.0 if high == low else 1 - (value - low) / (high - low) for value in column.values()]
        scale = known[task]
        texts += [number(experiment.sign * (value * scale.span + scale.best)) for value in column.values()]
        tasks += [task] * len(column)
        names += list(column)
    view = View(
        experiment.metric,
        Axis("task", categories=experiment.tasks),
        Axis("strategy", categories=experiment.strategies),
        [Series("final incumbents", "shade", tasks, names, z=shades, text=texts)],  # one: so its numbers fit the cells
    )
    caption = (
        f"Each cell holds the mean final incumbent ({experiment.metric}) over the seeds of a task; the shade runs from "
        "the worst to the best strategy of that task alone, so compare shades within a column."
    )
    return Figure("tasks", "Strategies on tasks", caption, [view])


def _finals(experiment: Experiment, of: Regrets, strategy: str) -> dict[str, float]:
    """Returns the mean regret at the end of the budget by task, of studies that are there."""
    found = {}
    for task in experiment.tasks:
        ends = [float(row[-1]) for (own, _), row in of.rows[strategy].items() if own == task and np.isfinite(row[-1])]
        if ends:
            found[task] = float(np.mean(ends))
    return found


def _numbers(
    experiment: Experiment,
    of: Regrets,
    known: Mapping[str, Scale],
    areas: Mapping[str, Floats],
    ranks: Mapping[str, Average],
) -> dict[str, object]:
    return {
        "scales": {
            task: {
                "best_known": experiment.sign * scale.best,
                "reference": experiment.sign * scale.reference,
                "reference_is_median_of": scale.source,
            }
            for task, scale in known.items()
            if math.isfinite(scale.best)
        },
        "final_mean_regret": {name: _finals(experiment, of, name) for name in experiment.strategies},
        "area_over_log_budget": {name: _mean_or_none(values) for name, values in areas.items()},
        "final_mean_rank": {name: float(mean.values[-1]) if mean.values.size else None for name, mean in ranks.items()},
    }


def _mean_or_none(values: Floats) -> float | None:
    return float(np.mean(values)) if len(values) else None
