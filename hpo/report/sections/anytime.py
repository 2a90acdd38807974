"""Section 4: the incumbent at any time, as steps over epochs, trials and seconds.

Regret, ranks and areas are `regret`'s; targets are `targets`'.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hpo.figures.figure import Axis, Figure, Line, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.incumbents import (
    costs,
    counted_trials,
    expected_curve,
    is_beyond,
    places,
    rows_of,
    steps,
)
from hpo.report.analysis.phrases import budget_text, count, listing, task_name, titled
from hpo.report.analysis.records import Experiment, Study, Unit
from hpo.report.analysis.regrets import Scale
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.series import Average, Statistic, average, average_series, thin_series
from hpo.report.sections.tables import Field, Record, nested, table
from hpo.statistics.bootstrap import Resampling

UNITS: tuple[Unit, ...] = ("epochs", "trials", "seconds")
SHARES = (0.25, 0.5, 1.0)
Shown = tuple[Unit, Statistic]
Averages = Mapping[Shown, Mapping[str, Average]]
Expected = Mapping[str, tuple[list[int], list[float]]]
"""Numbers of trials and the incumbent expected after each, by strategy."""


def build_anytime(analysis: Analysis) -> Section:
    """Returns the incumbent's curves of every task, with the expectation over orders of random and grid."""
    experiment, source = analysis.experiment, analysis.source
    blocks: list[Block] = []
    numbers: dict[str, object] = {}
    clock: dict[str, object] = {}
    records: list[Record] = []
    for place, task in enumerate(experiment.tasks):
        scale = analysis.scales[task]
        if not math.isfinite(scale.best):
            blocks.append(Text(_absence(task), "warning"))
            continue
        suffix = f"-{place + 1}" if experiment.has_tasks else ""
        averages = _all_averages(experiment, task, scale, source=source)
        expected = _expected(experiment, task, scale)
        blocks.append(_figure(experiment, task, averages, expected, suffix=suffix))
        blocks += _test_figure(experiment, task, suffix=suffix, source=source)
        at_shares = list(_at_shares(experiment, task, averages))
        numbers[task] = {
            "at": nested(at_shares, by=["strategy", "share"], names=["mean", "low", "high", "n", "IQM"]),
            **_expected_numbers(expected),
        }
        clock[task] = _at_seconds(experiment, averages["seconds", "mean"])
        records += at_shares
    if records:
        blocks.append(_table(experiment, records))
    notes: list[Block] = [Text(text, "note") for text in _notes(experiment)]
    return Section("anytime", "Anytime performance", [*notes, *blocks], numbers, clock)


def _absence(task: str) -> str:
    return f"On {task_name(task)} no trial is COMPLETE within the budget, so there is no incumbent."


def _all_averages(experiment: Experiment, task: str, scale: Scale, *, source: Resampling) -> Averages:
    """Returns the averages of every view: means over each unit, the experiment's first, and its IQM."""
    units = (experiment.unit, *(unit for unit in UNITS if unit != experiment.unit))
    views: list[Shown] = [(experiment.unit, "mean"), (experiment.unit, "IQM"), *((unit, "mean") for unit in units[1:])]
    return {view: _averages(experiment, task, scale, view, source=source) for view in views}


def _figure(experiment: Experiment, task: str, averages: Averages, expected: Expected, *, suffix: str) -> Figure:
    views = [_view(experiment, task, view, means, expected) for view, means in averages.items()]
    return Figure(
        f"anytime{suffix}",
        titled(experiment, f"Incumbent over the budget of {budget_text(experiment)}", task),
        "Each faint line is one seed's best COMPLETE value so far and holds until it is improved (a PRUNED trial's "
        "value never counts); the bold line is the mean (or IQM) over seeds with its 95 % bootstrap band, points "
        "instead where there are fewer than six seeds, and grey is the exact expectation over all orders of random or "
        "grid.",
        views,
    )


def _view(experiment: Experiment, task: str, view: Shown, averages: Mapping[str, Average], expected: Expected) -> View:
    unit, statistic = view
    series: list[Series] = []
    for strategy in experiment.strategies:
        studies = experiment.of(task=task, strategy=strategy)
        series += [_thin(experiment, study, unit) for study in studies]
    for strategy, mean in averages.items():
        series += average_series(mean, strategy, sign=experiment.sign)
    if unit == "trials":
        series += [Series(f"{name}, expected", "step", draws, values) for name, (draws, values) in expected.items()]
    label = unit if statistic == "mean" else f"{unit}, IQM"
    axes = (
        Axis(f"{unit} charged so far" if unit != "seconds" else "seconds since the study's start"),
        Axis(f"incumbent {experiment.metric}"),
    )
    return View(label, *axes, [one for one in series if one.x], _adaptive_from(experiment, task, unit))


def _thin(experiment: Experiment, study: Study, unit: Unit, *, is_on_test: bool = False) -> Series:
    curve = steps(experiment, study, unit=unit, is_on_test=is_on_test)
    end = experiment.budget_on(study.task) if unit == experiment.unit and study.is_ended else curve.end
    x, y = [float(cost) for cost in curve.costs], [experiment.sign * float(loss) for loss in curve.losses]
    if x and end > x[-1]:
        x, y = [*x, float(end)], [*y, y[-1]]
    return thin_series(f"{study.strategy}, seed {study.seed}", study.strategy, x, y)


def _averages(
    experiment: Experiment, task: str, scale: Scale, view: Shown, *, source: Resampling
) -> Mapping[str, Average]:
    """Returns the average loss of each strategy over cost; curves that end early hold their last value."""
    unit, statistic = view
    averages = {}
    for strategy in experiment.strategies:
        studies = [s for s in experiment.of(task=task, strategy=strategy) if not is_beyond(experiment, s)]
        curves = [steps(experiment, study, unit=unit) for study in studies]
        if not curves:
            continue
        end = experiment.budget_on(task) if unit == experiment.unit else max(curve.end for curve in curves)
        along = places(curves, end=min(end, *(curve.known for curve in curves)))
        rows = rows_of(curves, along, worst=scale.worst)
        averages[strategy] = average(rows, along, statistic=statistic, source=source)
    return averages


def _expected_numbers(expected: Expected) -> dict[str, object]:
    """Returns the expectations after 1, 2, … trials; and after which, where these are too many to give all."""
    thinned = {name: draws for name, (draws, values) in expected.items() if draws[-1] > len(values)}
    values = {"expected": {name: values for name, (_, values) in expected.items()}}
    return values | ({"expected_after_trials": thinned} if thinned else {})


def _expected(experiment: Experiment, task: str, scale: Scale) -> Expected:
    """Returns the expected incumbent after 1, 2, … trials of the strategies that have such an expectation."""
    curves = {name: expected_curve(experiment, name, task, worst=scale.worst) for name in experiment.strategies}
    return {
        name: (curve[0].tolist(), (experiment.sign * curve[1]).tolist())
        for name, curve in curves.items()
        if curve is not None
    }


def _adaptive_from(experiment: Experiment, task: str, unit: Unit) -> list[Line]:
    """Returns a line where strategies stop drawing at random, at the median cost of their seeds."""
    by_place: dict[float, list[str]] = {}
    for strategy in experiment.strategies:
        ends = []
        for study in experiment.of(task=task, strategy=strategy):
            n_random = study.facts.get("n_startup_trials", "")
            spent = costs(counted_trials(experiment, study), unit=unit)
            if n_random.isdigit() and 0 < int(n_random) <= len(spent):
                ends.append(spent[int(n_random) - 1])
        if ends:
            by_place.setdefault(float(np.median(ends)), []).append(strategy)
    return [("x", place, f"adaptive from here: {listing(names)}") for place, names in sorted(by_place.items())]


def _test_figure(experiment: Experiment, task: str, *, suffix: str, source: Resampling) -> list[Block]:
    """Returns the test value of the incumbent over the budget, where every COMPLETE trial has one."""
    complete = [trial for study in experiment.of(task=task) for trial in study.complete]
    if not complete or any(trial.test is None for trial in complete):
        return []
    series: list[Series] = []
    for strategy in experiment.strategies:
        studies = experiment.of(task=task, strategy=strategy)
        series += [_thin(experiment, study, experiment.unit, is_on_test=True) for study in studies]
        curves = [steps(experiment, study, is_on_test=True) for study in studies]
        curves = [curve for curve in curves if curve.costs.size]
        if curves:
            along = places(curves, end=min(experiment.budget_on(task), *(curve.known for curve in curves)))
            mean = average(rows_of(curves, along, worst=math.inf), along, source=source)
            series += average_series(mean, strategy, sign=experiment.sign)
    axes = Axis(f"{experiment.unit} charged so far"), Axis(f"test {experiment.metric} of the incumbent")
    caption = (
        "The test value of the configuration that is best on validation so far, one faint line a seed and the mean "
        "over seeds that have an incumbent; a curve that gets worse is overtuning."
    )
    title = titled(experiment, "Test value of the incumbent (diagnostic)", task)
    return [Figure(f"anytime-test{suffix}", title, caption, [View(experiment.unit, *axes, [s for s in series if s.x])])]


def _at_shares(experiment: Experiment, task: str, averages: Averages) -> Iterator[Record]:
    """Yields each strategy's mean, its band and its IQM at parts of the budget."""
    for strategy, mean in averages[experiment.unit, "mean"].items():
        for share in SHARES:
            place = share * experiment.budget_on(task)
            middle = _at(experiment, averages[experiment.unit, "IQM"][strategy], place)["mean"]
            where = {"task": task, "strategy": strategy, "share": f"{share * 100:.0f} %"}
            yield {**where, **_at(experiment, mean, place), "IQM": middle}


def _at(experiment: Experiment, mean: Average, place: float) -> dict[str, float | int | None]:
    """Returns the mean and its band at a cost, as values of the metric."""
    index = mean.at(place)
    if index is None:
        return {"mean": None, "low": None, "high": None, "n": mean.n}
    value = float(experiment.sign * mean.values[index])
    if mean.low is None or mean.high is None:
        return {"mean": value, "low": None, "high": None, "n": mean.n}
    low, high = sorted(float(experiment.sign * end[index]) for end in (mean.low, mean.high))
    return {"mean": value, "low": low, "high": high, "n": mean.n}


def _at_seconds(experiment: Experiment, averages: Mapping[str, Average]) -> dict[str, object]:
    end = max((mean.along[-1] for mean in averages.values() if mean.along.size), default=0.0)
    return {
        strategy: {f"{share * end:.6g} s": _at(experiment, mean, share * end) for share in SHARES}
        for strategy, mean in averages.items()
    }


def _table(experiment: Experiment, records: Sequence[Record]) -> Table:
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("strategy", "strategy"),
        Field("share", f"share of {budget_text(experiment)}"),
        Field("n", "seeds"),
        Field("mean", f"mean {experiment.metric}"),
        Field("low", "95 % low"),
        Field("high", "95 % high"),
        Field("IQM", f"IQM {experiment.metric}"),
    ]
    note = (
        "A dash stands where not every seed has an incumbent yet or has got that far, and for intervals with fewer "
        "than six seeds."
    )
    return table(experiment, "anytime-means", "Mean incumbent at parts of the budget", columns, records, note)


def _notes(experiment: Experiment) -> list[str]:
    notes = ["Exploratory: the verdict rests on its own endpoints alone."]
    ended = [study for study in experiment.studies if study.is_ended and not is_beyond(experiment, study)]
    empty = {
        name: sum(not steps(experiment, study).costs.size for study in ended if study.strategy == name)
        for name in experiment.strategies
    }
    if any(empty.values()):
        who = listing([f"{count(n, 'study')} of {name}" for name, n in empty.items() if n])
        notes.append(f"Without any COMPLETE trial: {who}; means count them with the worst value seen on their task.")
    if any(not study.is_ended for study in experiment.studies):
        notes.append("Some studies are still running: a strategy's mean ends where the first of these is.")
    return notes
