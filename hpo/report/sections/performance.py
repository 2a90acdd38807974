"""Section 3: final performance, of the value seen in the search, of the confirmed value and of the test value.

What each study came to is read off in `outcomes`; which strategy is better is the verdict's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from hpo.figures.figure import Axis, Cell, Figure, Line, Series, View
from hpo.report.analysis.baseline import NAME, PARTS, TEST, VALID, baseline_values, beaten_sentences, standings
from hpo.report.analysis.outcomes import Outcome, Outcomes, all_outcomes
from hpo.report.analysis.phrases import count, listing, number, task_name, task_table
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Column, Section, Table, Text
from hpo.statistics.bootstrap import iqm

Read = Callable[[Outcome], float | None]
SEEN, CONFIRMED = "best value seen in the search", "confirmed mean"
MEASURES: Mapping[str, Read] = {
    SEEN: lambda one: one.seen,
    CONFIRMED: lambda one: one.confirmed,
    TEST: lambda one: one.test,
    "test of the best trial": lambda one: one.selected_test,
}
GAPS: Mapping[str, Read] = {
    "winner's curse: best seen − the same configuration retrained": lambda one: _difference((one.seen, one.kept)),
    "confirmed − test": lambda one: _difference((one.confirmed, one.test)),
    "best seen − test of the best trial": lambda one: _difference((one.seen, one.selected_test)),
    "overtuning (diagnostic)": lambda one: one.overtuning,
    "oracle test (diagnostic)": lambda one: one.oracle_test,
}


def build_performance(experiment: Experiment) -> Section:
    """Returns tables of final values and gaps, every seed, the seeds paired, and validation against test."""
    outcomes = all_outcomes(experiment)
    title = "Final performance"
    if not any(one.seen is not None for of in outcomes.values() for one in of):
        nothing = Text("No trial is COMPLETE within the budget, so there is no value to show.", "warning")
        return Section("performance", title, [nothing])
    name, read = _final(outcomes)
    blocks: list[Block] = [Text(text, "note") for text in _notes(experiment, outcomes)]
    blocks += [Text(text, "note") for text in beaten_sentences(experiment, standings(experiment, outcomes))]
    blocks.append(_table(experiment, outcomes, MEASURES, key="performance"))
    blocks.append(_table(experiment, outcomes, GAPS, key="performance-gaps"))
    blocks.append(_seeds(experiment, outcomes, name, read))
    if len(experiment.strategies) > 1:
        blocks.append(_slopes(experiment, outcomes, name, read))
    blocks += _against_test(experiment, outcomes)
    shown = [block for block in blocks if not isinstance(block, Table) or block.rows]
    return Section("performance", title, shown, _numbers(experiment, outcomes))


def _difference(of: tuple[float | None, float | None]) -> float | None:
    return None if of[0] is None or of[1] is None else of[0] - of[1]


def _final(outcomes: Outcomes) -> tuple[str, Read]:
    """Returns the value to draw: test if any study has it, else what was seen."""
    has_test = any(one.test is not None for of in outcomes.values() for one in of)
    return (TEST, MEASURES[TEST]) if has_test else (SEEN, MEASURES[SEEN])


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
    if not any(one.test is not None for of in outcomes.values() for one in of):
        notes.append(
            "No configuration was confirmed on test data: the best value seen in a search is optimistic, more so for "
            "strategies that follow noise."
        )
    return notes


def _values(of: Sequence[Outcome], read: Read) -> list[float]:
    return [value for value in map(read, of) if value is not None]


def _table(experiment: Experiment, outcomes: Outcomes, measures: Mapping[str, Read], *, key: str) -> Table:
    rows: list[list[Cell]] = []
    for task in experiment.tasks:
        if key == "performance":  # first, where a table that is cut short still has it
            rows += [_row(task, NAME, part, values) for part, values in _baseline(experiment, task).items()]
        for strategy in experiment.strategies:
            found = {name: _values(outcomes[task, strategy], read) for name, read in measures.items()}
            rows += [_row(task, strategy, name, values) for name, values in found.items() if values]
    metric = experiment.metric
    columns = ["Task", "strategy", "value", f"mean ({metric})", f"IQM ({metric})", f"sd over seeds ({metric})", "seeds"]
    if key == "performance":
        title = "Final values"
        note = "Confirmed and test are of the configuration chosen among the retrained ones; each seed counts once."
        if any(row[1] == NAME for row in rows):
            note += " The baseline, logistic regression on bags of words, was fitted on the same train texts."
    else:
        title = "Gaps between what was promised and kept, and diagnostics"
        sign = "below" if experiment.direction == "minimize" else "above"
        note = (
            f"Differences {sign} 0 mean the first value was optimistic; overtuning is how far the incumbent's test "
            "value fell behind its own best, the oracle test is the best test value among all trials, which nobody "
            "could choose."
        )
    return task_table(experiment, Table(key, title, [*map(Column, columns)], rows, note))


def _row(task: str, strategy: str, name: str, found: Sequence[float]) -> list[Cell]:
    values = np.array(found, float)
    sd = float(values.std(ddof=1)) if values.size > 1 else None
    return [task_name(task), strategy, name, float(values.mean()), float(iqm(values)), sd, values.size]


def _baseline(experiment: Experiment, task: str) -> dict[str, list[float]]:
    """Returns what the baseline of a task reached, by the part of its texts."""
    found = {part: list(baseline_values(experiment, task, part).values()) for part in PARTS}
    return {part: values for part, values in found.items() if values}


def _baseline_line(experiment: Experiment, task: str, name: str) -> list[Line]:
    """Returns the dashed line of the baseline on the texts that a value was measured on."""
    values = _baseline(experiment, task).get(TEST if name == TEST else VALID)
    return [("y", float(np.mean(values)), f"{NAME} {number(float(np.mean(values)))}")] if values else []


def _seeds(experiment: Experiment, outcomes: Outcomes, name: str, read: Read) -> Figure:
    views = []
    for task in experiment.tasks:
        series = []
        for strategy in experiment.strategies:
            known = [(one.study.seed, read(one)) for one in outcomes[task, strategy] if read(one) is not None]
            if known:
                texts = [f"seed {seed}" for seed, _ in known]
                series.append(
                    Series(strategy, "box", [strategy] * len(known), [v for _, v in known], strategy, text=texts)
                )
        axes = Axis("strategy", categories=experiment.strategies), Axis(f"{name} ({experiment.metric})")
        views.append(View(task_name(task), *axes, series, _baseline_line(experiment, task, name)))
    caption = "Each point is one seed; the box holds the middle half of a strategy's seeds, its line is the median."
    return Figure("performance-seeds", f"Every seed: {name}", caption, views)


def _slopes(experiment: Experiment, outcomes: Outcomes, name: str, read: Read) -> Figure:
    """Returns one line a seed across strategies; a seed a strategy lacks breaks it."""
    views = []
    for task in experiment.tasks:
        by_seed: dict[int, dict[str, float | None]] = {}
        for strategy in experiment.strategies:
            for one in outcomes[task, strategy]:
                by_seed.setdefault(one.study.seed, {}).setdefault(strategy, read(one))
        names = list(experiment.strategies)
        series = [
            Series(f"seed {seed}", "line", names, [values.get(s) for s in names], None, in_legend=False)
            for seed, values in sorted(by_seed.items())
        ]
        axes = Axis("strategy", categories=names), Axis(f"{name} ({experiment.metric})")
        views.append(View(task_name(task), *axes, series, _baseline_line(experiment, task, name)))
    better = "falling" if experiment.direction == "minimize" else "rising"
    caption = f"Each line is one seed, paired across strategies: lines all {better} towards a strategy speak for it."
    return Figure("performance-pairs", f"Seed by seed: {name}", caption, views)


def _against_test(experiment: Experiment, outcomes: Outcomes) -> list[Block]:
    """Returns validation against test: of the chosen configurations, else of the best trials; nothing without test."""
    has_chosen = any(one.test is not None for of in outcomes.values() for one in of)
    x: Read = (lambda one: one.confirmed) if has_chosen else (lambda one: one.seen)
    y: Read = (lambda one: one.test) if has_chosen else (lambda one: one.selected_test)
    views = []
    for task in experiment.tasks:
        series = []
        for strategy in experiment.strategies:
            both = [(x(one), y(one), one.study.seed) for one in outcomes[task, strategy]]
            known = [each for each in both if each[0] is not None and each[1] is not None]
            if known:
                xs, ys, seeds = zip(*known, strict=True)
                texts = [f"seed {seed}" for seed in seeds]
                series.append(Series(strategy, "points", list(xs), list(ys), strategy, text=texts))
        kind = "confirmed mean" if has_chosen else "best value seen"
        axes = Axis(f"{kind} on validation ({experiment.metric})"), Axis(f"test ({experiment.metric})")
        if series:
            views.append(View(task_name(task), *axes, series, [("diagonal", 0.0, "test = validation")]))
    if not views:
        return []
    side = "above" if experiment.direction == "minimize" else "below"
    caption = f"Each point is one study; points {side} the dashed line did worse on test than on validation."
    return [Figure("performance-test", "Validation against test", caption, views)]


def _numbers(experiment: Experiment, outcomes: Outcomes) -> dict[str, object]:
    found: dict[str, dict[str, object]] = {}
    for (task, strategy), of in outcomes.items():
        values = {name: _values(of, read) for name, read in {**MEASURES, **GAPS}.items()}
        found.setdefault(task, {})[strategy] = _averages(values)
    for task, strategies in found.items():
        if values := _baseline(experiment, task):
            strategies[NAME] = _averages(values)
    return dict(found)


def _averages(found: Mapping[str, Sequence[float]]) -> dict[str, object]:
    return {
        name: {"mean": float(np.mean(values)), "IQM": float(iqm(np.array(values))), "n": len(values)}
        for name, values in found.items()
        if values
    }
