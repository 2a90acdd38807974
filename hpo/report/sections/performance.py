"""Section 3: final performance, of the value seen in the search, of the confirmed value and of the test value.

What each study came to is read off in `outcomes`; which strategy is better is the verdict's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hpo.figures.figure import Axis, Figure, Line, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.outcomes import (
    BASELINE,
    PARTS,
    TEST,
    VALID,
    Outcome,
    Outcomes,
    baseline_values,
    beaten_sentences,
)
from hpo.report.analysis.phrases import count, listing, number, task_name
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.honest import honest_table
from hpo.report.sections.series import box_series
from hpo.report.sections.tables import Field, Record, nested, table
from hpo.statistics.bootstrap import iqm

Read = Callable[[Outcome], float | None]
SEEN, CONFIRMED, SELECTED = "best value seen in the search", "confirmed mean", "test of the best trial"
MEASURES: Mapping[str, Read] = {
    SEEN: lambda one: one.seen,
    CONFIRMED: lambda one: one.confirmed,
    TEST: lambda one: one.test,
    SELECTED: lambda one: one.selected_test,
}
GAPS: Mapping[str, Read] = {
    "winner's curse: best seen − the same configuration retrained": lambda one: _difference((one.seen, one.kept)),
    "confirmed − test": lambda one: _difference((one.confirmed, one.test)),
    "best seen − test of the best trial": lambda one: _difference((one.seen, one.selected_test)),
    "overtuning (diagnostic)": lambda one: one.overtuning,
    "oracle test (diagnostic)": lambda one: one.oracle_test,
}


def build_performance(analysis: Analysis) -> Section:
    """Returns tables of final values and gaps, every seed, the seeds paired, and validation against test."""
    experiment, outcomes = analysis.experiment, analysis.outcomes
    title = "Final performance"
    if not _any(outcomes, lambda one: one.seen):
        nothing = Text("No trial is COMPLETE within the budget, so there is no value to show.", "warning")
        return Section("performance", title, [nothing])
    name = next(name for name in (TEST, CONFIRMED, SEEN) if _any(outcomes, MEASURES[name]))  # the value to draw
    values, gaps = _values(experiment, outcomes, MEASURES), _values(experiment, outcomes, GAPS)
    baselines = _baselines(experiment)
    sentences = [*_notes(experiment, outcomes), *beaten_sentences(experiment, analysis.standings)]
    blocks: list[Block] = [Text(text, "note") for text in sentences]
    shown = [gap for gap in gaps if gap["task"] in experiment.shown_tasks]
    blocks += [_values_table(experiment, values, baselines), _gaps_table(experiment, shown)]
    blocks += [honest] if (honest := honest_table(experiment)) else []
    if experiment.shown_tasks:
        blocks.append(_seeds(experiment, outcomes, name))
    if experiment.shown_tasks and len(experiment.strategies) > 1:
        blocks.append(_slopes(experiment, outcomes, name))
    blocks += _against_test(experiment, outcomes)
    filled = [block for block in blocks if not isinstance(block, Table) or block.rows]
    by = {task: dict[str, object]((name, {}) for name in experiment.strategies) for task in experiment.tasks}
    nested([*values, *gaps, *baselines], by=["task", "strategy", "value"], names=["mean", "IQM", "n"], into=by)
    return Section("performance", title, filled, by)


def _difference(of: tuple[float | None, float | None]) -> float | None:
    return None if of[0] is None or of[1] is None else of[0] - of[1]


def _any(outcomes: Outcomes, read: Read) -> bool:
    return any(read(one) is not None for of in outcomes.values() for one in of)


def _notes(experiment: Experiment, outcomes: Outcomes) -> list[str]:
    notes = ["Exploratory: the verdict rests on its own endpoint alone."]
    empty = dict.fromkeys(experiment.strategies, 0)
    for (_, strategy), of in outcomes.items():
        empty[strategy] += sum(one.is_charged for one in of)
    if any(empty.values()):
        who = listing([f"{count(n, 'study')} of {name}" for name, n in empty.items() if n])
        notes.append(
            f"Nothing to show for their budget (no COMPLETE trial, or every retraining failed): {who}; they count with "
            "the worst value seen on their task."
        )
    if not _any(outcomes, MEASURES[TEST]):
        retrained = f"; the {CONFIRMED} is free of that" if _any(outcomes, MEASURES[CONFIRMED]) else ""
        notes.append(
            "No configuration was confirmed on test data: the best value seen in a search is optimistic, more so for "
            f"strategies that follow noise{retrained}."
        )
    return notes


def _values(experiment: Experiment, outcomes: Outcomes, measures: Mapping[str, Read]) -> list[Record]:
    """Returns what each strategy reached over its seeds on each task, by the measure."""
    return [
        _record(task, strategy, name, values)
        for task in experiment.tasks
        for strategy in experiment.strategies
        for name, read in measures.items()
        if (values := [value for one in outcomes[task, strategy] if (value := read(one)) is not None])
    ]


def _baselines(experiment: Experiment) -> list[Record]:
    """Returns what the baseline of each task reached, by the part of its texts."""
    return [
        _record(task, BASELINE, part, list(values.values()))
        for task in experiment.tasks
        for part in PARTS
        if (values := baseline_values(experiment, task, part))
    ]


def _record(task: str, strategy: str, name: str, reached: Sequence[float]) -> Record:
    values = np.array(reached, float)
    return {
        "task": task,
        "strategy": strategy,
        "value": name,
        "mean": float(values.mean()),
        "IQM": float(iqm(values)),
        "sd": float(values.std(ddof=1)) if values.size > 1 else None,
        "n": values.size,
    }


def _columns(metric: str) -> list[Field[Record]]:
    return [
        Field("task", "Task"),
        Field("strategy", "strategy"),
        Field("value", "value"),
        Field("mean", f"mean ({metric})"),
        Field("IQM", f"IQM ({metric})"),
        Field("sd", f"sd over seeds ({metric})"),
        Field("n", "seeds"),
    ]


def _values_table(experiment: Experiment, values: Sequence[Record], baselines: Sequence[Record]) -> Table:
    """Returns the final values, of each task those of its baseline first: a table that is cut short still has them."""
    records = [record for task in experiment.shown_tasks for record in [*baselines, *values] if record["task"] == task]
    note = "Confirmed and test are of the configuration chosen among the retrained ones; each seed counts once."
    if not any(record["value"] in (TEST, SELECTED) for record in values):
        note = "The confirmed mean is of the best configuration, trained again with fresh seeds; each seed counts once."
    if baselines:
        note += " The baseline, a linear model of the words, was fitted on the same train texts."
    return table(experiment, "performance", "Final values", _columns(experiment.metric), records, note)


def _gaps_table(experiment: Experiment, gaps: Sequence[Record]) -> Table:
    title = "Gaps between what was promised and kept, and diagnostics"
    side = "below" if experiment.better == "lower" else "above"
    note = (
        f"Differences {side} 0 mean the first value was optimistic; overtuning is how far the incumbent's test "
        "value fell behind its own best, the oracle test is the best test value among all trials, which nobody "
        "could choose."
    )
    return table(experiment, "performance-gaps", title, _columns(experiment.metric), gaps, note)


def _baseline_line(experiment: Experiment, task: str, name: str) -> list[Line]:
    """Returns the dashed line of the baseline on the texts that a value was measured on."""
    values = baseline_values(experiment, task, TEST if name == TEST else VALID)
    mean = float(np.mean(list(values.values()))) if values else 0.0
    return [("y", mean, f"{BASELINE} {number(mean)}")] if values else []


def _seeds(experiment: Experiment, outcomes: Outcomes, name: str) -> Figure:
    views = []
    for task in experiment.shown_tasks:
        series = []
        for strategy in experiment.strategies:
            read = ((one.study.seed, MEASURES[name](one)) for one in outcomes[task, strategy])
            known = [(seed, value) for seed, value in read if value is not None]
            if known:
                text = [f"seed {seed}" for seed, _ in known]
                series.append(box_series(strategy, [value for _, value in known], text=text))
        views.append(_view(experiment, task, name, series))
    caption = "Each point is one seed; the box holds the middle half of a strategy's seeds, its line is the median."
    return Figure("performance-seeds", f"Every seed: {name}", caption, views)


def _slopes(experiment: Experiment, outcomes: Outcomes, name: str) -> Figure:
    """Returns one line a seed across strategies; a seed a strategy lacks breaks it."""
    views = []
    for task in experiment.shown_tasks:
        by_seed: dict[int, dict[str, float | None]] = {}
        for strategy in experiment.strategies:
            for one in outcomes[task, strategy]:
                by_seed.setdefault(one.study.seed, {}).setdefault(strategy, MEASURES[name](one))
        names = list(experiment.strategies)
        series = [
            Series(f"seed {seed}", "line", names, [values.get(s) for s in names], None, in_legend=False)
            for seed, values in sorted(by_seed.items())
        ]
        views.append(_view(experiment, task, name, series))
    better = "falling" if experiment.better == "lower" else "rising"
    caption = f"Each line is one seed, paired across strategies: lines all {better} towards a strategy speak for it."
    return Figure("performance-pairs", f"Seed by seed: {name}", caption, views)


def _view(experiment: Experiment, task: str, name: str, series: Sequence[Series]) -> View:
    axes = Axis("strategy", categories=experiment.strategies), Axis(f"{name} ({experiment.metric})")
    return View(task_name(task), *axes, series, _baseline_line(experiment, task, name))


def _against_test(experiment: Experiment, outcomes: Outcomes) -> list[Block]:
    """Returns validation against test: of the chosen configurations, else of the best trials; nothing without test."""
    has_chosen = _any(outcomes, MEASURES[TEST])
    x: Read = MEASURES[CONFIRMED if has_chosen else SEEN]
    y: Read = MEASURES[TEST if has_chosen else SELECTED]
    views = []
    for task in experiment.shown_tasks:
        series = []
        for strategy in experiment.strategies:
            both = [(x(one), y(one), one.study.seed) for one in outcomes[task, strategy]]
            points = [point for point in both if point[0] is not None and point[1] is not None]
            if points:
                xs, ys, seeds = zip(*points, strict=True)
                texts = [f"seed {seed}" for seed in seeds]
                series.append(Series(strategy, "points", list(xs), list(ys), strategy, text=texts))
        kind = "confirmed mean" if has_chosen else "best value seen"
        axes = Axis(f"{kind} on validation ({experiment.metric})"), Axis(f"test ({experiment.metric})")
        if series:
            views.append(View(task_name(task), *axes, series, [("diagonal", 0.0, "test = validation")]))
    if not views:
        return []
    side = "above" if experiment.better == "lower" else "below"
    caption = f"Each point is one study; points {side} the dashed line did worse on test than on validation."
    return [Figure("performance-test", "Validation against test", caption, views)]
