"""Section 5: how fast targets are reached, never averaging values: shares reached over cost, expected running times.

The formulas are `runtimes`'; targets are losses between the median random evaluation and the best value known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.figures.figure import Axis, Cell, Figure, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.conduct import random_studies
from hpo.report.analysis.incumbents import Steps, is_beyond, steps
from hpo.report.analysis.records import Experiment, Study
from hpo.report.analysis.regrets import Scale
from hpo.report.analysis.runtimes import costs_of, expected_times, ratio_interval, runtimes
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.tables import Field, Record, nested, table
from hpo.statistics.bootstrap import Resampling
from hpo.statistics.interval import NO_INTERVAL

Floats = NDArray[np.float64]
N_TARGETS = 50
SMALLEST, LARGEST = 1e-3, 0.5


@dataclass(frozen=True)
class Target:
    """A loss to reach on a task, and what it is called."""

    task: str
    name: str
    loss: float


ByTask = Mapping[str, Mapping[int, Steps]]
Targets = Mapping[str, Floats]
"""Losses to reach, by task."""
Curves = Mapping[str, ByTask]
"""Incumbents over epochs by strategy, by task and by seed."""


def build_targets(analysis: Analysis) -> Section | None:
    """Returns the share of targets reached over epochs, and expected running times at three named targets.

    None where values are the best so far: targets lie between a random evaluation and the best.
    """
    if analysis.experiment.is_incumbent:
        return None
    experiment, source, reference = analysis.experiment, analysis.source, analysis.control
    scales = {task: scale for task, scale in analysis.scales.items() if math.isfinite(scale.best)}
    if not scales:
        nothing = Text("No trial is COMPLETE within the budget, so no target can be set.", "warning")
        return Section("targets", "Speed", [nothing])
    curves = _curves(experiment)
    named = [
        {**_reached(curves, target, strategy, reference, source=source), "value": experiment.sign * target.loss}
        for task, scale in scales.items()
        if task in experiment.shown_tasks
        for target in _named_targets(experiment, task, scale)
        for strategy in experiment.strategies
        if task in curves[strategy]
    ]
    many = {task: _losses(log_spaced_targets(experiment, task, scale)) for task, scale in scales.items()}
    costs = {name: _costs(curves[name], many) for name in experiment.strategies}
    totals: list[Record] = [
        {
            "strategy": name,
            "reached": (n_reached := int(np.isfinite(found).sum())),
            "n": found.size,
            "of": _of(n_reached, found.size),
            "log_efficiency": _log_efficiency(curves, many, name, reference),
        }
        for name, found in costs.items()
    ]
    blocks: list[Block] = [
        Text("Exploratory: the verdict rests on its own endpoints alone.", "note"),
        _figure(curves, costs),
        _summary(experiment, totals, reference or "random search"),
        _table(experiment, named, reference or "random search"),
    ]
    names = ["task", "target", "loss", "strategy", "reached", "n", "ert_epochs", "ratio", "low", "high"]
    numbers = {
        "named": [{name: record[name] for name in names} for record in named],
        "reached": nested(totals, by=["strategy"], names=["reached", "n"]),
        "log_efficiency": {record["strategy"]: record["log_efficiency"] for record in totals},
    }
    return Section("targets", "Speed", blocks, numbers)


def log_spaced_targets(experiment: Experiment, task: str, scale: Scale) -> list[Target]:
    """Returns 50 losses from f_ref down to f* plus the ROPE, evenly spaced in the logarithm of regret.

    Without a ROPE they end at the smallest regret above 0 of any COMPLETE trial, at least a thousandth.
    """
    regrets = [
        scale.regret(experiment.sign * trial.value)
        for study in experiment.of(task=task)
        for trial in study.complete
        if trial.value is not None
    ]
    smallest = experiment.rope / scale.span or min((regret for regret in regrets if regret > 0), default=SMALLEST)
    ends = 1.0, min(max(smallest, SMALLEST), LARGEST)
    return [
        Target(task, f"regret {regret:.3g}", scale.best + regret * scale.span)
        for regret in np.geomspace(*ends, N_TARGETS)
    ]


def _losses(targets: Sequence[Target]) -> Floats:
    return np.array([target.loss for target in targets], float)


def _named_targets(experiment: Experiment, task: str, scale: Scale) -> list[Target]:
    drawn = random_studies(experiment, task)
    finals = _finals(experiment, drawn or experiment.of(task=task)) or _finals(experiment, experiment.of(task=task))
    firsts = [
        experiment.sign * study.complete[0].value
        for study in experiment.of(task=task)
        if study.complete and study.complete[0].value is not None
    ]
    whose = "random search's" if _finals(experiment, drawn) else "all strategies'"
    named = {
        "first trial's median": float(np.median(firsts)) if firsts else None,
        f"{whose} median final": float(np.median(finals)) if finals else None,
        "best known + ROPE": scale.best + experiment.rope,
    }
    return [Target(task, name, loss) for name, loss in named.items() if loss is not None]


def _finals(experiment: Experiment, studies: Sequence[Study]) -> list[float]:
    curves = [steps(experiment, study) for study in studies]
    return [float(curve.losses[-1]) for curve in curves if curve.losses.size]


def _curves(experiment: Experiment) -> Curves:
    """Returns the incumbents over epochs, in the order of the seeds."""
    curves: dict[str, dict[str, dict[int, Steps]]] = {name: {} for name in experiment.strategies}
    compared = [study for study in experiment.studies if not is_beyond(experiment, study)]
    for study in sorted(compared, key=lambda study: study.seed):
        of_task = curves[study.strategy].setdefault(study.task, {})
        of_task.setdefault(study.seed, steps(experiment, study, unit="epochs"))
    return curves


def _reached(
    curves: Curves, target: Target, strategy: str, reference: str | None, *, source: Resampling
) -> dict[str, Cell]:
    """Returns a strategy's running time to a target, and its ratio to random search's."""
    own = curves[strategy].get(target.task, {})
    others = curves[reference].get(target.task, {}) if reference else {}
    mine, theirs = runtimes(list(own.values()), target.loss), runtimes(list(others.values()), target.loss)
    ratio, interval = None, NO_INTERVAL
    if strategy != reference and theirs.n_reached:
        interval = ratio_interval(mine, theirs, is_paired=list(own) == list(others), source=source)
        ratio = mine.expected / theirs.expected if mine.n_reached and theirs.expected else None
    return {
        "task": target.task,
        "target": target.name,
        "loss": target.loss,
        "strategy": strategy,
        "reached": mine.n_reached,
        "n": mine.costs.size,
        "of": _of(mine.n_reached, mine.costs.size),
        "ert_epochs": mine.expected if math.isfinite(mine.expected) else None,
        "ratio": ratio,
        "low": interval.low,
        "high": interval.high,
    }


def _costs(curves: ByTask, targets: Targets) -> Floats:
    """Returns what each (target, seed) pair cost; infinite where it was not reached."""
    costs = [costs_of(list(curves.get(task, {}).values()), losses).ravel() for task, losses in targets.items()]
    return np.concatenate(costs) if costs else np.empty(0)


def _log_efficiency(curves: Curves, targets: Targets, strategy: str, reference: str | None) -> float | None:
    """Returns the median over targets of log(ERT of random search / ERT of the strategy); None without any of both.

    0.7 means half of random search's epochs (Vizier's log-efficiency).
    """
    if reference is None or strategy == reference:
        return None
    logs: list[float] = []
    for task, losses in targets.items():
        theirs, ours = (
            expected_times(list(curves[name].get(task, {}).values()), losses) for name in (reference, strategy)
        )
        are_known = np.isfinite(theirs) & np.isfinite(ours) & (theirs > 0) & (ours > 0)
        logs += np.log(theirs[are_known] / ours[are_known]).tolist()
    return float(np.median(logs)) if logs else None


def _figure(curves: Curves, shares: Mapping[str, Floats]) -> Figure:
    series = []
    for strategy, costs in shares.items():
        reached, counts = np.unique(costs[np.isfinite(costs)], return_counts=True)
        if not costs.size:
            continue
        x, y = [float(cost) for cost in reached], [float(share) for share in np.cumsum(counts) / costs.size]
        end = max(curve.end for of_task in curves[strategy].values() for curve in of_task.values())
        if x and end > x[-1]:
            x, y = [*x, end], [*y, y[-1]]
        series.append(Series(strategy, "step", x, y, strategy))
    axes = Axis("epochs charged so far", is_log=True), Axis("share of (target, seed) pairs reached (no unit)")
    caption = (
        f"Higher and further left is faster: the share of {N_TARGETS} targets, log-spaced from a median random "
        "evaluation to the best value known, that the seeds have reached by then; a curve that ends below 1 left "
        "targets unreached."
    )
    return Figure(
        "targets", "Targets reached over epochs", caption, [View("epochs", *axes, [s for s in series if s.x])]
    )


def _summary(experiment: Experiment, totals: Sequence[Record], against: str) -> Table:
    columns: list[Field[Record]] = [
        Field("strategy", "strategy"),
        Field("of", "(target, seed) pairs reached"),
        Field("log_efficiency", f"log-efficiency against {against}", format="+.2f"),
    ]
    note = (
        f"Log-efficiency is the median over targets both reach of the logarithm of {against}'s expected running time "
        "over the strategy's: 0.7 means half the epochs, below 0 means more of them (no unit)."
    )
    return table(experiment, "targets-reached", "All targets together", columns, totals, note)


def _table(experiment: Experiment, named: Sequence[Record], against: str) -> Table:
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("target", "target"),
        Field("value", f"value ({experiment.metric})"),
        Field("strategy", "strategy"),
        Field("of", "seeds that reached it"),
        Field("ert_epochs", "ERT (epochs)"),
        Field("ratio", f"ratio to {against}"),
        Field("low", "95 % low"),
        Field("high", "95 % high"),
    ]
    note = (
        "ERT, expected running time: all epochs spent on the target over the number of seeds that reached it, so seeds "
        "that did not are charged; a ratio below 1 is faster, a dash at its high end means unbounded."
    )
    return table(experiment, "targets-ert", "Expected running time to named targets", columns, named, note)


def _of(n_reached: int, n: int) -> str:
    return f"{n_reached}/{n} reached"
