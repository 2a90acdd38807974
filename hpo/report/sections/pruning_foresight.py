"""How well the value after an epoch foretells the final one: rank correlations over complete trials.

Whether a pruner made good use of it is `pruning_audit`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.report.analysis.conduct import is_random, is_unpruned
from hpo.report.analysis.phrases import task_name
from hpo.report.analysis.records import Experiment, Trial
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.tables import Field, Record, table
from hpo.space.space import canonical

Floats = NDArray[np.float64]
MIN_TRIALS = 5
TOP = 0.1
MAX_COLUMNS, MAX_LINES = 15, 30
SHARES = (0.25, 0.5, 0.75)
MEASURES = (
    ("spearman", "Spearman", "Spearman's rank correlation with the final value"),
    ("kendall", "Kendall", "Kendall's tau-b with the final value"),
    ("overlap", "top 10 %", "share of the final best 10 % of trials that are among the best 10 % already"),
)


@dataclass(frozen=True)
class Foresight:
    """What the values after each epoch say of the final ones, over trials of one length on one task.

    Attributes:
        task: Where.
        n_epochs: Length of every trial's curve.
        n_trials: Different trainings compared.
        spearman, kendall, overlap: One an epoch, from epoch 1; None where all values are equal.
    """

    task: str
    n_epochs: int
    n_trials: int
    spearman: tuple[float | None, ...]
    kendall: tuple[float | None, ...]
    overlap: tuple[float, ...]

    @property
    def name(self) -> str:
        return f"{task_name(self.task)}, {self.n_epochs} epochs" if self.task else f"{self.n_epochs} epochs"


def build_correlation(experiment: Experiment) -> Section:
    """Returns the part of the pruning section on rank correlations, per epoch."""
    results = [result for task in experiment.shown_tasks for result in foresights(experiment, task)]
    blocks: list[Block] = [Text(_scope(experiment, results))]
    if results:
        blocks += [_table(experiment, results), _figure(results)]
    numbers: dict[str, dict[str, object]] = {}
    for result in results:
        measures = {"spearman": result.spearman, "kendall": result.kendall, "top_10_percent_overlap": result.overlap}
        numbers.setdefault(task_name(result.task), {})[str(result.n_epochs)] = {"n_trials": result.n_trials, **measures}
    return Section("correlation", "Rank correlation with the final value", blocks, numbers)


def foresights(experiment: Experiment, task: str) -> list[Foresight]:
    """Returns one for each length that at least MIN_TRIALS different complete trials of a task have, shortest first."""
    lengths: dict[int, list[Trial]] = {}
    for trial in _compared(experiment, task):
        lengths.setdefault(len(trial.curve), []).append(trial)
    return [
        _foresight(task, trials, experiment.sign)
        for n_epochs, trials in sorted(lengths.items())
        if n_epochs > 1 and len(trials) >= MIN_TRIALS
    ]


def _compared(experiment: Experiment, task: str) -> list[Trial]:
    """Returns the complete trials with a curve, every different training once; of studies that do not prune if any."""
    studies = experiment.of(task=task)
    chosen = [study for study in studies if is_unpruned(study) and study.complete] or studies
    different: dict[tuple[str, tuple[float, ...]], Trial] = {}
    for trial in (trial for study in chosen for trial in study.complete):
        if trial.curve and all(map(math.isfinite, trial.curve)):
            different.setdefault((canonical(trial.params), trial.curve), trial)
    return list(different.values())


def _foresight(task: str, trials: Sequence[Trial], sign: float) -> Foresight:
    curves = sign * np.array([trial.curve for trial in trials], dtype=float)
    final = sign * np.array([trial.value for trial in trials], dtype=float)
    columns = list(curves.T)
    return Foresight(
        task,
        n_epochs=curves.shape[1],
        n_trials=len(trials),
        spearman=tuple(_correlation(stats.spearmanr, column, final) for column in columns),
        kendall=tuple(_correlation(stats.kendalltau, column, final) for column in columns),
        overlap=tuple(top_overlap(column, final) for column in columns),
    )


def _correlation(measure: Callable[[Floats, Floats], Any], losses: Floats, final: Floats) -> float | None:
    """Returns a rank correlation; None where all values are equal."""
    is_constant = any(column.min() == column.max() for column in (losses, final))
    return None if is_constant else float(measure(losses, final).statistic)


def top_overlap(losses: Floats, final: Floats) -> float:
    """Returns the share of the final best 10 % that are among the best 10 % by `losses`; the earlier of equals is in.

    A tenth, rounded up, has at least one trial in it; by chance the share is about .1.
    """
    n_top = max(1, math.ceil(TOP * len(final) - 1e-9))
    best, best_final = (set(np.argsort(column, kind="stable")[:n_top].tolist()) for column in (losses, final))
    return len(best & best_final) / n_top


def _scope(experiment: Experiment, results: Sequence[Foresight]) -> str:
    if not results:
        return (
            f"Rank correlations of early with final values are not given: no task has {MIN_TRIALS} different complete "
            "trials of one length whose value after every epoch is known."
        )
    is_whole = all(any(is_unpruned(s) and s.complete for s in experiment.of(task=result.task)) for result in results)
    source = (
        "of studies without a pruner"
        if is_whole
        else "(of studies without a pruner where a task has any; else the trials stopped early are missing, which "
        "lowers the correlations)"
    )
    lengths = {result.n_epochs for result in results}
    apart = (
        " Trials are compared only with trials of the same number of epochs, because the learning rate's schedule "
        "depends on it."
        if len(lengths) > 1
        else ""
    )
    adaptive = (
        ""
        if all(map(is_random, experiment.studies))
        else " Adaptive strategies propose alike params, which lowers the correlations as well."
    )
    return (
        f"Rank correlations are taken over complete trials {source}; a training that several studies share counts "
        f"once.{apart}{adaptive}"
    )


def _table(experiment: Experiment, results: Sequence[Foresight]) -> Table:
    records: list[Record] = []
    for result in results:
        epochs = dict.fromkeys([1, *(math.ceil(share * result.n_epochs) for share in SHARES)])
        for epoch in (epoch for epoch in epochs if epoch < result.n_epochs):
            measures = {name: getattr(result, name)[epoch - 1] for name, *_ in MEASURES}
            trials = {"n_epochs": result.n_epochs, "epoch": epoch, "n_trials": result.n_trials}
            records.append({"task": result.task, **trials, **measures})
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("n_epochs", "Epochs of the trial"),
        Field("epoch", "After epoch"),
        Field("n_trials", "Trials"),
        Field("spearman", "Spearman", format=".2f"),
        Field("kendall", "Kendall", format=".2f"),
        Field("overlap", "Top 10 % overlap (share)", format=".2f"),
    ]
    note = (
        "1 means that stopping after this epoch would have kept the final order; 0 that it says nothing "
        "(.1 for the overlap)."
    )
    return table(experiment, "pruning_correlation", "Early and final ranks of trials", columns, records, note)


def _figure(found: Sequence[Foresight]) -> Figure:
    chosen = sorted(sorted(found, key=lambda one: -one.n_trials)[:MAX_LINES], key=list(found).index)
    draw = _line if len(chosen) == 1 else _shades
    more = "" if len(chosen) == len(found) else f" The {MAX_LINES} of {len(found)} lengths with most trials are drawn."
    caption = (
        "The higher, the better the value after an epoch foretells the final order of the trials; a pruner that stops "
        f"trials where it is low stops some of the best.{more}"
    )
    views = [draw(chosen, *measure) for measure in MEASURES]
    return Figure("pruning_correlation", "What an early value says of the final one", caption, views)


def _line(results: Sequence[Foresight], measure: str, label: str, title: str) -> View:
    result = results[0]
    values: tuple[float | None, ...] = getattr(result, measure)
    series = Series(f"{result.name} ({result.n_trials} trials)", "line", list(range(1, result.n_epochs + 1)), values)
    return View(label, Axis("epoch"), Axis(title), [series])


def _shades(results: Sequence[Foresight], measure: str, label: str, title: str) -> View:
    epochs = _columns(max(result.n_epochs for result in results))
    cells = [(result, epoch) for result in results for epoch in epochs if epoch <= result.n_epochs]
    values: list[float | None] = [getattr(result, measure)[epoch - 1] for result, epoch in cells]
    series = Series(
        title,
        "shade",
        [str(epoch) for _, epoch in cells],
        [result.name for result, _ in cells],
        z=[None if value is None else min(max(value, 0.0), 1.0) for value in values],
        text=["" if value is None else f"{value:.2f}" for value in values],
    )
    names = [result.name for result in results]
    x = Axis(f"epoch; colour and number: {title}", categories=[str(epoch) for epoch in epochs])
    return View(label, x, Axis("trials of", categories=names), [series])


def _columns(n_epochs: int) -> list[int]:
    """Returns every epoch, or some of them, closer to each other at the beginning."""
    if n_epochs <= MAX_COLUMNS:
        return list(range(1, n_epochs + 1))
    return sorted({round(epoch) for epoch in np.geomspace(1, n_epochs, MAX_COLUMNS)})
