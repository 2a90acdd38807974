"""Learning curves by fate: how the trials went that ended well, were pruned or failed.

Colours of fates are the renderers' business; how many epochs pruning saved is `pruning_savings`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from hpo.contracts.records import COMPLETE, FAIL, PRUNED
from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.analysis.phrases import task_name
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.document.content import Section, Text

MAX_CURVES, MIN_CURVES = 200, 30
FATES = ((COMPLETE, "complete"), (PRUNED, "pruned"), (FAIL, "failed"))
SPREAD = 30.0  # times the median: from here on a value axis is logarithmic

Curve = tuple[Study, Trial]


def build_fates(experiment: Experiment) -> Section:
    """Returns the part of the pruning section that draws curves, a view for each task."""
    limit = max(MIN_CURVES, MAX_CURVES // max(len(experiment.tasks), 1))
    views, shown, total = [], 0, 0
    for task in experiment.tasks:
        curves = [(study, trial) for study in experiment.of(task=task) for trial in study.finished if trial.curve]
        drawn = choose(curves, limit)
        shown, total = shown + len(drawn), total + len(curves)
        if drawn:
            views.append(_view(experiment, task, drawn))
    if not views:
        return Section("fates", "Curves by fate", [Text("No trial's value after each epoch is known.")])
    chosen = (
        "every curve is drawn"
        if shown == total
        else f"{shown} of {total} curves are drawn, of each fate the same share, evenly over studies and trial numbers"
    )
    caption = (
        "One line a trial, the value after each epoch coloured by how the trial ended; a point marks where a pruned or "
        f"failed one stopped; {chosen}."
    )
    figure = Figure("pruning_curves", "Intermediate values by fate", caption, views)
    return Section("fates", "Curves by fate", [figure], {"n_drawn": shown, "n_curves": total})


def choose(curves: Sequence[Curve], limit: int) -> list[Curve]:
    """Returns about `limit` curves at most, of each fate the same share and at least one, evenly over their order."""
    chosen: list[Curve] = []
    for state, _ in FATES:
        alike = [curve for curve in curves if curve[1].state == state]
        n_wanted = len(alike) if len(curves) <= limit else max(min(len(alike), 1), limit * len(alike) // len(curves))
        chosen += [alike[n * len(alike) // n_wanted] for n in range(n_wanted)]
    return chosen


def _view(experiment: Experiment, task: str, curves: Sequence[Curve]) -> View:
    series: list[Series] = []
    for state, name in FATES:
        alike = [curve for curve in curves if curve[1].state == state]
        series += [_line(curve, name, is_first=n == 0) for n, curve in enumerate(alike)]
        if alike and state != COMPLETE:
            series.append(_ends(alike, name))
    values = [value for _, trial in curves for value in trial.curve]
    is_log = min(values) > 0 and max(values) > SPREAD * median(values)
    better = "lower" if experiment.direction == "minimize" else "higher"
    title = f"{experiment.metric} ({better} is better)"
    return View(task_name(task), Axis("epoch"), Axis(title, is_log=is_log), series)


def _line(curve: Curve, name: str, *, is_first: bool) -> Series:
    study, trial = curve
    epochs = list(range(1, len(trial.curve) + 1))
    text = [f"{study.strategy}, seed {study.seed}, trial {trial.number}"] * len(epochs)
    return Series(name, "line", epochs, trial.curve, strategy=trial.state, text=text, in_legend=is_first)


def _ends(curves: Sequence[Curve], name: str) -> Series:
    return Series(
        name,
        "points",
        [len(trial.curve) for _, trial in curves],
        [trial.curve[-1] for _, trial in curves],
        strategy=curves[0][1].state,
        text=[f"{study.strategy}, seed {study.seed}, trial {trial.number}" for study, trial in curves],
        in_legend=False,
    )
