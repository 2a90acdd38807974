"""Section 4, on a scale all tasks share: normalised regret, mean rank and area over the budget.

The arrays behind it are `regrets`'; the incumbent in the metric's own units is `anytime`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.phrases import count, number
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import Regrets, area, mean_ranks
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.series import Average, average, average_series, thin_series
from hpo.report.sections.tables import Field, Record, nested, table
from hpo.statistics.bootstrap import Resampling
from hpo.statistics.signed_rank import hodges_lehmann, signed_rank_interval

Floats = NDArray[np.float64]


def build_regret(analysis: Analysis) -> Section:
    """Returns normalised regret and mean rank over the budget, the area under the former, and a map of tasks."""
    experiment, source, regrets = analysis.experiment, analysis.source, analysis.regrets
    if regrets is None:
        nothing = Text("No trial is COMPLETE within the budget, so there is no regret to show.", "warning")
        return Section("regret", "Regret and ranks", [nothing])
    by_rank = _rank_averages(experiment, regrets, source=source)
    final_ranks = {name: float(mean.values[-1]) if mean.values.size else None for name, mean in by_rank.items()}
    if experiment.is_incumbent:
        said: list[Block] = [Text(_without_scale(experiment), "note")]
        said += [_rank_figure(experiment, by_rank)] if len(by_rank) > 1 else []
        return Section("regret", "Ranks", said, {"final_mean_rank_of_incumbents": final_ranks})
    capped = regrets.capped()
    areas = {name: _areas(experiment, capped, name) for name in experiment.strategies}
    scales: list[Record] = [
        {
            "task": task,
            "best_known": experiment.sign * scale.best,
            "reference": experiment.sign * scale.reference,
            "reference_is_median_of": scale.source,
        }
        for task, scale in analysis.scales.items()
        if math.isfinite(scale.best)
    ]
    blocks: list[Block] = [*_scale_blocks(experiment, scales), _regret_figure(experiment, capped, source=source)]
    if len(experiment.strategies) > 1:
        blocks.append(_rank_figure(experiment, by_rank))
    area_records = [_area_record(name, values) for name, values in areas.items()]
    blocks.append(_area_table(experiment, area_records))
    finals = {name: _finals(experiment, regrets, name) for name in experiment.strategies}
    if experiment.has_tasks:
        blocks.append(_map(analysis, finals))
    names = ["best_known", "reference", "reference_is_median_of"]
    numbers = {
        "scales": nested(scales, by=["task"], names=names),
        "final_mean_regret": finals,
        "area_over_log_budget": {record["strategy"]: record["typical"] for record in area_records},
        "final_mean_rank_of_incumbents": final_ranks,
    }
    return Section("regret", "Regret and ranks", blocks, numbers)


def _without_scale(experiment: Experiment) -> str:
    scaled = (
        " Over tasks, values are scaled: 0 is the best known on a task, 1 the median of what its studies ended with."
    )
    return (
        "Values are the best so far, no evaluations: without those of random search there is no scale of regret."
        + scaled * experiment.has_tasks
    )


def _rank_averages(experiment: Experiment, regrets: Regrets, *, source: Resampling) -> dict[str, Average]:
    ranks = mean_ranks(regrets, experiment.strategies, tasks=experiment.tasks)
    return {
        name: average(ranks[index], regrets.along, source=source) for index, name in enumerate(experiment.strategies)
    }


def _scale_blocks(experiment: Experiment, scales: Sequence[Record]) -> list[Block]:
    """Returns what 0 and 1 are, on each task."""
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("best_known", f"regret 0 ({experiment.metric})"),
        Field("reference", f"regret 1 ({experiment.metric})"),
        Field("reference_is_median_of", "1 is the median of"),
    ]
    text = (
        "Exploratory. Regret is 0 at the best value known over all strategies and 1 at the median evaluation of random "
        "search, where there is one. Curves over the budget and the area below them count no more than 1, "
        "which is also what a study has before its first incumbent."
    )
    note = "Regret is the share of the way from regret 0 to regret 1; it has no unit and can exceed 1."
    return [Text(text, "note"), table(experiment, "scales", "The scale of regret", columns, scales, note)]


def _regret_figure(experiment: Experiment, of: Regrets, *, source: Resampling) -> Figure:
    unit = experiment.paired_by
    views = []
    for statistic in ("mean", "IQM"):
        series: list[Series] = []
        averages: list[Series] = []
        for strategy in experiment.strategies:
            rows = of.units(strategy, tasks=experiment.tasks)
            names = _unit_names(experiment, of, strategy)
            if not experiment.has_many_tasks:
                series += [_thin(strategy, name, of.along, row) for name, row in zip(names, rows, strict=True)]
            mean = average(rows, of.along, statistic=statistic, source=source)
            averages += average_series(mean, strategy)
        axes = Axis(f"{experiment.unit} charged so far"), Axis("normalised regret (no unit)", is_log=True)
        views.append(View(statistic, *axes, [one for one in series + averages if one.x]))
    faint = "" if experiment.has_many_tasks else f"a faint line for each {unit}, bold "
    caption = (
        f"Lower is better: {faint}the {unit}s' mean (or IQM) with its 95 % bootstrap band, "
        f"points instead where there are fewer than six {unit}s; 0 is the best value known, 1 a median random "
        "evaluation or worse."
    )
    return Figure("regret", "Normalised regret over the budget", caption, views)


def _unit_names(experiment: Experiment, of: Regrets, strategy: str) -> list[str]:
    if not experiment.has_tasks:
        return [f"seed {seed}" for _, seed in of.rows[strategy]]
    return [task for task in experiment.tasks if task in of.by_task(strategy)]


def _thin(strategy: str, name: str, along: Floats, row: Floats) -> Series:
    """Returns the corners of a step curve alone."""
    is_known = np.isfinite(row)
    x, y = along[is_known], row[is_known]
    is_corner = np.ones(x.size, bool)
    is_corner[1:-1] = y[1:-1] != y[:-2]
    return thin_series(f"{strategy}, {name}", strategy, x[is_corner].tolist(), y[is_corner].tolist())


def _rank_figure(experiment: Experiment, averages: Mapping[str, Average]) -> Figure:
    series = [one for name, mean in averages.items() for one in average_series(mean, name)]
    n = next(iter(averages.values())).n
    axes = Axis(f"{experiment.unit} charged so far"), Axis("mean rank of incumbents (1 is best)", is_reversed=True)
    caption = (
        f"Higher is better: the mean rank of incumbents among {len(averages)} strategies over "
        f"{count(n, experiment.paired_by)} that all of them have, with a 95 % bootstrap band (points where there are "
        "fewer than six); before its first incumbent a study ranks behind all that have one."
    )
    return Figure(
        "rank", "Mean rank of incumbents over the budget", caption, [View("mean rank of incumbents", *axes, series)]
    )


def _areas(experiment: Experiment, of: Regrets, strategy: str) -> Floats:
    """Returns the area of each unit that has one."""
    groups = []
    for task, rows in of.by_task(strategy).items():
        areas = [area(row, of.along, first=of.first.get(task, 0.0), budget=experiment.budget_on(task)) for row in rows]
        groups.append([value for value in areas if value is not None])
    if not experiment.has_tasks:
        return np.array([value for values in groups for value in values], float)
    return np.array([np.mean(values) for values in groups if values], float)


def _area_record(strategy: str, values: Floats) -> Record:
    interval = signed_rank_interval(values)
    typical = hodges_lehmann(values) if values.size else None
    return {"strategy": strategy, "n": values.size, "typical": typical, "low": interval.low, "high": interval.high}


def _area_table(experiment: Experiment, records: Sequence[Record]) -> Table:
    columns: list[Field[Record]] = [
        Field("strategy", "strategy"),
        Field("n", f"{experiment.paired_by}s"),
        Field("typical", "typical regret over log budget"),
        Field("low", "95 % low"),
        Field("high", "95 % high"),
    ]
    note = (
        "Area under normalised regret over the logarithm of the budget, from the first COMPLETE trial of any study to "
        "the end, as a mean height (no unit): lower is better at any time. Typical is the Hodges–Lehmann estimate over "
        f"{experiment.paired_by}s, with its exact interval from six on."
    )
    return table(experiment, "regret-area", "One number for the whole curve", columns, records, note)


def _map(analysis: Analysis, finals: Mapping[str, Mapping[str, float]]) -> Figure:
    """Returns a cell for each strategy and task: its mean final value, shaded from worst to best of the task."""
    experiment = analysis.experiment
    tasks: list[str] = []
    names: list[str] = []
    shades: list[float] = []
    texts: list[str] = []
    for task in experiment.tasks:
        column = {name: finals[name][task] for name in finals if task in finals[name]}
        low, high = min(column.values(), default=0.0), max(column.values(), default=0.0)
        shades += [1.0 if high == low else 1 - (value - low) / (high - low) for value in column.values()]
        scale = analysis.scales[task]
        texts += [number(experiment.sign * (value * scale.span + scale.best)) for value in column.values()]
        tasks += [task] * len(column)
        names += list(column)
    if experiment.has_many_tasks:
        return _sorted_map(analysis, Series("final incumbents", "shade", names, tasks, z=shades, text=texts))
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


def _sorted_map(analysis: Analysis, cells: Series) -> Figure:
    """Returns the same with a row a task: strategies by mean rank, tasks by how far the first one is behind on them."""
    experiment = analysis.experiment
    shade = {(str(x), str(y)): z or 0.0 for x, y, z in zip(cells.x, cells.y, cells.z, strict=True)}
    ranking = analysis.looks[0].ranking
    ranks = dict(zip(ranking.strategies, ranking.means, strict=False)) if ranking else {}
    order = sorted(experiment.strategies, key=lambda name: ranks.get(name, math.inf))
    tasks = sorted(experiment.tasks, key=lambda task: [-shade.get((name, task), 0.0) for name in order])
    n_best = sum(shade.get((order[0], task)) == 1 for task in tasks)
    axes = Axis("strategy", categories=order), Axis("task", categories=tasks)
    caption = (
        f"A row for each task, a column for each strategy, the best mean rank on the left: {order[0]} has the best "
        f"mean final incumbent ({experiment.metric}) on {n_best} of {len(tasks)} tasks, which are on top; below, it "
        "falls behind. The shade runs from the worst to the best strategy of a task, so compare shades within a row."
    )
    return Figure("tasks", "Strategies on tasks", caption, [View(experiment.metric, *axes, [cells])])


def _finals(experiment: Experiment, of: Regrets, strategy: str) -> dict[str, float]:
    """Returns the mean regret at the end of the budget by task, of studies that are there."""
    ends = {
        task: [float(row[-1]) for row in rows if np.isfinite(row[-1])] for task, rows in of.by_task(strategy).items()
    }
    return {task: float(np.mean(ends[task])) for task in experiment.tasks if ends.get(task)}
