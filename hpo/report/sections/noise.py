"""The section on noise: how far apart equal params end when trained again, against the ROPE and the strategies.

The smallest detectable difference is the statistics' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from hpo.figures.figure import Axis, Cell, Figure, Series, View
from hpo.report.analysis.conduct import training_of
from hpo.report.analysis.incumbents import best_trial
from hpo.report.analysis.phrases import TASK, task_name, task_table
from hpo.report.analysis.records import Confirmed, Experiment, Trial
from hpo.report.analysis.spread import SEARCH, TEST, VALIDATION, Spread, groups_of, pooled_spread, retrained
from hpo.report.document.content import Block, Column, Section, Table, Text

Found = Sequence[tuple[str, str, Spread]]
"""Task, source and spread."""


@dataclass(frozen=True)
class Yardstick:
    """What noise is compared with on a task; None where it is not known.

    Attributes:
        seeds: Spread of a strategy's best values over its seeds, pooled over strategies.
        first, second: The strategies whose mean best values are furthest apart, the better one first.
        difference: Between these means, in units of the metric.
    """

    seeds: Spread | None
    first: str
    second: str
    difference: float | None


def build_noise(experiment: Experiment) -> Section | None:
    """Returns the section on noise; None when no params were trained twice and no trial is equal to another."""
    found = [
        (task, source, spread)
        for task in experiment.tasks
        for source, groups in groups_of(experiment, task).items()
        if (spread := pooled_spread(groups)) is not None
    ]
    determinism = build_determinism(experiment)
    if not found and determinism is None:
        return None
    yardsticks = {task: _yardstick(experiment, task) for task in experiment.tasks}
    blocks: list[Block] = [Text("No params were trained with several seeds, so the noise of a training is not known.")]
    if found:
        sentences = [
            Text(text) for task in experiment.tasks for text in _sentences(experiment, task, found, yardsticks)
        ]
        blocks = [_table(experiment, found), *sentences, *_figure(experiment)]
    blocks += [] if determinism is None else determinism.blocks
    numbers = {
        "rope": experiment.rope,
        "tasks": {task_name(task): _numbers(task, found, yardsticks[task]) for task in experiment.tasks},
        "determinism": {} if determinism is None else determinism.numbers,
    }
    return Section("noise", "Noise", blocks, numbers, clock={} if determinism is None else determinism.clock)


def _yardstick(experiment: Experiment, task: str) -> Yardstick:
    best: dict[str, list[float]] = {}
    for strategy in experiment.strategies:
        trials = [best_trial(experiment, study) for study in experiment.of(task=task, strategy=strategy)]
        values = [trial.value for trial in trials if trial is not None and trial.value is not None]
        if values:
            best[strategy] = values
    ranked = sorted(best, key=lambda strategy: experiment.sign * fmean(best[strategy]))
    if len(ranked) < 2:
        return Yardstick(pooled_spread(list(best.values())), "", "", None)
    difference = abs(fmean(best[ranked[0]]) - fmean(best[ranked[-1]]))
    return Yardstick(pooled_spread(list(best.values())), ranked[0], ranked[-1], difference)


def _numbers(task: str, found: Found, yardstick: Yardstick) -> dict[str, object]:
    return {
        "spreads": {source: spread for where, source, spread in found if where == task},
        "sd_over_seeds_of_best": yardstick.seeds,
        "largest_difference_of_means": yardstick.difference,
    }


def _table(experiment: Experiment, found: Found) -> Table:
    rows: list[Sequence[Cell]] = []
    for task, source, one in found:
        ratio = one.sd / experiment.rope if experiment.rope else None
        exceeding = 100 * one.exceeding(experiment.rope)
        rows.append([task_name(task), source, one.n_groups, one.df, one.sd, one.low, one.high, ratio, exceeding])
    columns = [TASK, Column("Equal params"), Column("Params"), Column("Degrees of freedom")]
    columns += [Column(f"Sd ({experiment.metric})"), Column("95 % from"), Column("95 % to")]
    columns += [Column("x ROPE", ".2f"), Column("Two differ by more than the ROPE (%)", ".0f")]
    note = (
        "Sd within equal params trained with other seeds, pooled over params, with a chi-square interval; the last "
        "column is how often two trainings of equal params would differ by more than the ROPE, if normal."
    )
    return task_table(experiment, Table("noise_spread", "Noise of a training", columns, rows, note))


def _sentences(experiment: Experiment, task: str, found: Found, yardsticks: Mapping[str, Yardstick]) -> list[str]:
    """Returns how the noise of a task's validation values compares with the ROPE and with the strategies."""
    own = {source: spread for where, source, spread in found if where == task}
    noise = own.get(VALIDATION) or own.get(SEARCH)
    if noise is None:
        return []
    where = f"On {task_name(task)}: " if len(experiment.tasks) > 1 else ""
    if noise.sd == 0:
        return [f"{where}Equal params always ended at equal values: there is no noise, as in a recorded table."]
    size = "below" if noise.sd < experiment.rope else "above" if noise.sd > experiment.rope else "equal to"
    texts = [
        f"{where}The noise of a training, an sd of {noise.sd:.3g} {experiment.metric} ({noise.df} degrees of freedom), "
        f"is {size} the ROPE of {experiment.rope:g}."
    ]
    yardstick = yardsticks[task]
    if yardstick.seeds is not None:
        texts[0] += (
            f" Over seeds the best value of one strategy varies with an sd of {yardstick.seeds.sd:.3g}, "
            f"{yardstick.seeds.sd / noise.sd:.2g} times the noise."
        )
    if yardstick.difference is not None:
        texts[0] += (
            f" The mean best values furthest apart, those of {yardstick.first} and {yardstick.second}, differ by "
            f"{yardstick.difference:.3g}, {yardstick.difference / noise.sd:.2g} times the noise."
        )
    n_failed = sum(one.n_failed for one in retrained(experiment.of(task=task)))
    if n_failed:
        texts.append(f"{where}{n_failed} retrainings failed and are not in the sd.")
    return texts


def _figure(experiment: Experiment) -> list[Figure]:
    views = []
    for task in experiment.tasks:
        for label, kind in (("validation", VALIDATION), ("test", TEST)):
            series = [
                Series(strategy, "box", [strategy] * len(gaps), gaps, strategy=strategy)
                for strategy in experiment.strategies
                if (gaps := _gaps(experiment, task, strategy, kind))
            ]
            if series:
                name = f"{task_name(task)}: {label}" if len(experiment.tasks) > 1 else label
                y = Axis(f"{label} {experiment.metric} less the mean of the same params")
                x = Axis("strategy", categories=[one.name for one in series])
                views.append(View(name, x, y, series, lines=_rope_lines(experiment.rope)))
    caption = (
        "One point a retraining, its value less the mean of all retrainings of the same params: the height of the box "
        "is what the seed alone does; the dashed lines are the ROPE around 0."
    )
    return [Figure("noise_retrained", "The same params with other seeds", caption, views)] if views else []


def _rope_lines(rope: float) -> list[tuple[Literal["x", "y", "diagonal"], float, str]]:
    return [("y", rope, "+ ROPE"), ("y", -rope, "- ROPE")] if rope else []


def _gaps(experiment: Experiment, task: str, strategy: str, kind: str) -> list[float]:
    """Returns the retrainings' values of a strategy less the mean of the same params."""
    confirmed: list[Confirmed] = retrained(experiment.of(task=task, strategy=strategy))
    groups = [one.values if kind == VALIDATION else one.tests for one in confirmed]
    return [value - fmean(group) for group in groups if len(group) > 1 for value in group]


def build_determinism(experiment: Experiment) -> Section | None:
    """Returns the part of the section on noise about equal trainings; None where there are none."""
    groups = equal_trainings(experiment)
    if not groups:
        return None
    trained = [own for group in groups if len(own := [trial for trial in group if not trial.is_cached]) > 1]
    n_cached = sum(trial.is_cached for group in groups for trial in group)
    n_equal = sum(_is_equal(group) for group in trained)
    text = f"{len(groups)} times several strategies asked for the same training: equal task, settings, seed and number."
    if n_cached:
        text += f" {n_cached} of these trials were taken from an equal one instead of trained, which proves nothing."
    if trained:
        text += (
            f" {len(trained)} times it was trained more than once, and {n_equal} of {len(trained)} times every value "
            "was equal to the last bit."
        )
    if any(study.facts.get("trainer") == "replay" for study in experiment.studies):
        text += " Values read from a recorded table are equal by nature: this says nothing of training."
    elif not trained:
        text += " None was trained twice, so whether training is deterministic is not known from this experiment."
    clock = {"n_cached": n_cached, "n_trained_again": len(trained), "n_equal": n_equal}
    return Section("determinism", "Determinism", [Text(text)], {"n_equal_trainings": len(groups)}, clock=clock)


def equal_trainings(experiment: Experiment) -> list[list[Trial]]:
    """Returns the complete trials of several studies that were to be the same training, group by group."""
    groups: dict[tuple[str, int, int, str], list[Trial]] = {}
    for study in experiment.studies:
        for trial in study.complete:
            if trial.params:
                key = (study.task, study.seed, trial.number, training_of(study, trial))
                groups.setdefault(key, []).append(trial)
    return [group for group in groups.values() if len(group) > 1]


def _is_equal(group: Sequence[Trial]) -> bool:
    return len({(trial.value, trial.curve) for trial in group}) == 1
