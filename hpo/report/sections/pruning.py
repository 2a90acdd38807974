"""The section on pruning: what early values foretell, what was saved, what was lost by it, how trials went.

What early values foretell, what was lost, and samplers against pruners are computed in modules of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from hpo.contracts.records import COMPLETE, FAIL, PRUNED
from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.phrases import task_name
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.document.content import Section, Text
from hpo.report.sections.pruning_audit import build_audit
from hpo.report.sections.pruning_factorial import build_factorial
from hpo.report.sections.pruning_foresight import build_correlation
from hpo.report.sections.series import evenly
from hpo.report.sections.tables import Field, Record, nested, table

EPOCHS_PARAMS = ("train.epochs", "epochs")
MAX_CURVES, MIN_CURVES = 200, 30
FATES = ((COMPLETE, "complete"), (PRUNED, "pruned"), (FAIL, "failed"))
SPREAD = 30.0  # times the median: from here on a value axis is logarithmic

Curve = tuple[Study, Trial]


def build_pruning(analysis: Analysis) -> Section | None:
    """Returns the section on pruning; None without a curve of two epochs and without a pruned trial."""
    experiment = analysis.experiment
    trials = [trial for study in experiment.studies for trial in study.finished]
    if not any(len(trial.curve) > 1 or trial.state == PRUNED for trial in trials):
        return None
    factorial = build_factorial(experiment)
    parts = [
        build_correlation(experiment),
        build_savings(experiment),
        build_audit(experiment),
        *([] if factorial is None else [factorial]),
        build_fates(experiment),
    ]
    blocks = [block for part in parts for block in part.blocks]
    return Section("pruning", "Pruning", blocks, {part.key: part.numbers for part in parts})


def build_savings(experiment: Experiment) -> Section:
    """Returns the part on saved epochs: what stopped trials were planned to take, less what they took."""
    records = [_saving(experiment, strategy) for strategy in experiment.strategies]
    names = ["n_finished", "n_pruned", "epochs_done", "epochs_saved", "share_saved"]
    numbers = nested(records, by=["strategy"], names=names)
    if not any(record["n_pruned"] for record in records):
        return Section("saved", "Epochs saved", [Text("No trial was pruned, so no epochs were saved.")], numbers)
    columns: list[Field[Record]] = [
        Field("strategy", "Strategy"),
        Field("trials_a_study", "Trials a study", format=".1f"),
        Field("pruned", "Pruned trials (of all)"),
        Field("epochs_done", "Epochs done"),
        Field("epochs_saved", "Epochs saved"),
        Field("percent", "Saved (% of done + saved)", format=".1f"),
    ]
    note = "Sums over all studies; saved is what pruned trials were planned to take and did not."
    saved = table(experiment, "pruning_saved", "Epochs saved by pruning", columns, records, note)
    return Section("saved", "Epochs saved", [saved, Text(_source(experiment), tone="note")], numbers)


def planned_epochs(trial: Trial, longest: float) -> float:
    """Returns how many epochs a trial was to take: as searched, else as many as the longest of its task."""
    searched = next((trial.params[name] for name in EPOCHS_PARAMS if name in trial.params), None)
    is_number = isinstance(searched, int | float) and not isinstance(searched, bool)
    return max(float(searched) if is_number and searched is not None else longest, trial.epochs)


def longest_of(studies: Sequence[Study]) -> float:
    """Returns the epochs of the longest complete trial; of the longest of all where none is complete."""
    trials = [trial for study in studies for trial in study.finished]
    complete = [trial for trial in trials if trial.state == COMPLETE] or trials
    return max((max(trial.epochs, len(trial.curve)) for trial in complete), default=0.0)


def _saving(experiment: Experiment, strategy: str) -> Record:
    """Returns what pruning saved a strategy over all of its studies; epochs are sums over trials."""
    studies = experiment.of(strategy=strategy)
    longest = {task: longest_of(experiment.of(task=task)) for task in experiment.tasks}
    trials = [(trial, longest[study.task]) for study in studies for trial in study.finished]
    pruned = [(trial, most) for trial, most in trials if trial.state == PRUNED]
    done = float(sum(trial.epochs for trial, _ in trials))
    saved = float(sum(planned_epochs(trial, most) - trial.epochs for trial, most in pruned))
    share = saved / (done + saved) if saved else 0.0
    return {
        "strategy": strategy,
        "trials_a_study": len(trials) / len(studies),
        "pruned": f"{len(pruned)}/{len(trials)}",
        "n_finished": len(trials),
        "n_pruned": len(pruned),
        "epochs_done": done,
        "epochs_saved": saved,
        "share_saved": share,
        "percent": 100 * share,
    }


def _source(experiment: Experiment) -> str:
    pruned = [trial for study in experiment.studies for trial in study.finished if trial.state == PRUNED]
    n_known = sum(any(name in trial.params for name in EPOCHS_PARAMS) for trial in pruned)
    known = f"{n_known} of {len(pruned)} pruned trials have their planned epochs among their params"
    rest = "the others count as planned for as many epochs as the longest complete trial of their task"
    spent = " With a budget of epochs, what was saved went into further trials." if experiment.unit == "epochs" else ""
    return f"{known}{'' if n_known == len(pruned) else f'; {rest}'}.{spent}"


def build_fates(experiment: Experiment) -> Section:
    """Returns the part that draws curves by how trials ended, a view for each task."""
    limit = max(MIN_CURVES, MAX_CURVES // max(len(experiment.shown_tasks), 1))
    views, n_drawn, n_curves = [], 0, 0
    for task in experiment.shown_tasks:
        curves = [(study, trial) for study in experiment.of(task=task) for trial in study.finished if trial.curve]
        drawn = choose(curves, limit)
        n_drawn, n_curves = n_drawn + len(drawn), n_curves + len(curves)
        if drawn:
            views.append(_view(experiment, task, drawn))
    if not views:
        return Section("fates", "Curves by fate", [Text("No trial's value after each epoch is known.")])
    of = f"{n_drawn} of {n_curves} curves are drawn"
    chosen = f"{of}, of each fate the same share, evenly over studies and trial numbers"
    caption = (
        "One line a trial, the value after each epoch coloured by how the trial ended; a point marks where a pruned or "
        f"failed one stopped; {'every curve is drawn' if n_drawn == n_curves else chosen}."
    )
    figure = Figure("pruning_curves", "Intermediate values by fate", caption, views)
    return Section("fates", "Curves by fate", [figure], {"n_drawn": n_drawn, "n_curves": n_curves})


def choose(curves: Sequence[Curve], limit: int) -> list[Curve]:
    """Returns about `limit` curves at most, of each fate the same share and at least one, evenly over their order."""
    chosen: list[Curve] = []
    for state, _ in FATES:
        alike = [curve for curve in curves if curve[1].state == state]
        most = len(alike) if len(curves) <= limit else max(min(len(alike), 1), limit * len(alike) // len(curves))
        chosen += evenly(alike, most)
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
    title = f"{experiment.metric} ({experiment.better} is better)"
    return View(task_name(task), Axis("epoch"), Axis(title, is_log=is_log), series)


def _line(curve: Curve, name: str, *, is_first: bool) -> Series:
    trial = curve[1]
    epochs = list(range(1, len(trial.curve) + 1))
    text = [_named(curve)] * len(epochs)
    return Series(name, "line", epochs, trial.curve, strategy=trial.state, text=text, in_legend=is_first)


def _ends(curves: Sequence[Curve], name: str) -> Series:
    x, y = [len(trial.curve) for _, trial in curves], [trial.curve[-1] for _, trial in curves]
    text = [_named(curve) for curve in curves]
    return Series(name, "points", x, y, strategy=curves[0][1].state, text=text, in_legend=False)


def _named(curve: Curve) -> str:
    study, trial = curve
    return f"{study.strategy}, seed {study.seed}, trial {trial.number}"
