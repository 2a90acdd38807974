"""The section on noise: how far apart equal params end when trained again, against the ROPE and the strategies.

It is the standard deviation within groups of equal params, pooled; the smallest detectable difference is the
statistics' business.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from scipy import stats

from hpo.figures.figure import Axis, Figure, Line, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.conduct import training_of
from hpo.report.analysis.incumbents import best_trial
from hpo.report.analysis.phrases import labelled, task_name
from hpo.report.analysis.records import Confirmed, Experiment, Study, Trial
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.series import box_series
from hpo.report.sections.tables import Field, Record, table
from hpo.space.space import canonical

LEVEL = 0.95
VALIDATION, TEST, SEARCH = "retrained, validation", "retrained, test", "searched with several seeds, validation"

Groups = Sequence[Sequence[float]]
"""Values of trainings that differ in nothing but their seed, one inner sequence for each params."""


@dataclass(frozen=True)
class Spread:
    """A standard deviation within groups of equal params, pooled over the groups.

    Attributes:
        n_groups: Params with at least two values.
        df: Degrees of freedom: values less groups.
        sd: In units of the metric.
        low, high: 95 % interval by the chi-square distribution, which supposes normal values.
    """

    n_groups: int
    df: int
    sd: float
    low: float
    high: float

    def exceeding(self, difference: float) -> float:
        """Returns the probability that two trainings of equal params differ by more than `difference`, if normal."""
        if self.sd == 0:
            return 0.0
        return float(2 * stats.norm.sf(difference / (self.sd * math.sqrt(2))))


Spreads = Mapping[str, Spread]
"""By where the groups come from."""


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


def build_noise(analysis: Analysis) -> Section | None:
    """Returns the section on noise; None when no params were trained twice and no trial is equal to another."""
    if (experiment := analysis.experiment).is_incumbent:
        return None  # no value is that of its params
    spreads = {
        task: {
            source: spread
            for source, groups in groups_of(experiment, task).items()
            if (spread := pooled_spread(groups)) is not None
        }
        for task in experiment.tasks
    }
    determinism = build_determinism(experiment)
    if not any(spreads.values()) and determinism is None:
        return None
    yardsticks = {task: _yardstick(experiment, task) for task in experiment.tasks}
    blocks: list[Block] = [Text("No params were trained with several seeds, so the noise of a training is not known.")]
    if any(spreads.values()):
        sentences = [
            Text(text)
            for task in experiment.tasks
            for text in _sentences(experiment, task, spreads[task], yardsticks[task])
        ]
        blocks = [_table(experiment, spreads), *sentences, *_figure(experiment)]
    numbers = {
        "rope": experiment.rope,
        "tasks": {
            task_name(task): {
                "spreads": spreads[task],
                "sd_over_seeds_of_best": yardstick.seeds,
                "largest_difference_of_means": yardstick.difference,
            }
            for task, yardstick in yardsticks.items()
        },
    }
    determinism = determinism or Section("determinism", "Determinism", [])
    blocks += determinism.blocks
    numbers["determinism"] = determinism.numbers
    return Section("noise", "Noise", blocks, numbers, determinism.clock)


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


def _table(experiment: Experiment, spreads: Mapping[str, Spreads]) -> Table:
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("source", "Equal params"),
        Field("n_groups", "Params"),
        Field("df", "Degrees of freedom"),
        Field("sd", f"Sd ({experiment.metric})"),
        Field("low", "95 % from"),
        Field("high", "95 % to"),
        Field("ratio", "x ROPE", format=".2f"),
        Field("exceeding", "Two differ by more than the ROPE (%)", format=".0f"),
    ]
    records = [
        {
            **vars(spread),
            "task": task,
            "source": source,
            "ratio": spread.sd / experiment.rope if experiment.rope else None,
            "exceeding": 100 * spread.exceeding(experiment.rope),
        }
        for task, own in spreads.items()
        for source, spread in own.items()
    ]
    note = (
        "Sd within equal params trained with other seeds, pooled over params, with a chi-square interval; the last "
        "column is how often two trainings of equal params would differ by more than the ROPE, if normal."
    )
    return table(experiment, "noise_spread", "Noise of a training", columns, records, note)


def _sentences(experiment: Experiment, task: str, spreads: Spreads, yardstick: Yardstick) -> list[str]:
    """Returns how the noise of a task's validation values compares with the ROPE and with the strategies."""
    noise = spreads.get(VALIDATION) or spreads.get(SEARCH)
    if noise is None:
        return []
    where = f"On {task_name(task)}: " if experiment.has_tasks else ""
    if noise.sd == 0:
        return [f"{where}Equal params always ended at equal values: there is no noise, as in a recorded table."]
    size = "below" if noise.sd < experiment.rope else "above" if noise.sd > experiment.rope else "equal to"
    texts = [
        f"{where}The noise of a training, an sd of {noise.sd:.3g} {experiment.metric} ({noise.df} degrees of freedom), "
        f"is {size} the ROPE of {experiment.rope:g}."
    ]
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
    n_failed = sum(confirmed.n_failed for confirmed in retrained(experiment.of(task=task)))
    if n_failed:
        texts.append(f"{where}{n_failed} retrainings failed and are not in the sd.")
    return texts


def _figure(experiment: Experiment) -> list[Figure]:
    views = []
    lines: list[Line] = [("y", experiment.rope, "+ ROPE"), ("y", -experiment.rope, "- ROPE")]
    for task in experiment.tasks:
        for label, kind in (("validation", VALIDATION), ("test", TEST)):
            series = [
                box_series(strategy, gaps)
                for strategy in experiment.strategies
                if (gaps := _gaps(experiment, task, strategy, kind))
            ]
            if series:
                x = Axis("strategy", categories=[one.name for one in series])
                y = Axis(f"{label} {experiment.metric} less the mean of the same params")
                name = labelled(experiment, task, label)
                views.append(View(name, x, y, series, lines=lines if experiment.rope else []))
    caption = (
        "One point a retraining, its value less the mean of all retrainings of the same params: the height of the box "
        "is what the seed alone does; the dashed lines are the ROPE around 0."
    )
    return [Figure("noise_retrained", "The same params with other seeds", caption, views)] if views else []


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
    complete = [(study, trial) for study in experiment.studies for trial in study.complete if trial.params]
    n_there = Counter((study.task, study.seed, trial.number) for study, trial in complete)
    groups: dict[tuple[str, int, int, str], list[Trial]] = {}
    for study, trial in complete:
        if n_there[place := (study.task, study.seed, trial.number)] > 1:
            groups.setdefault((*place, training_of(study, trial)), []).append(trial)
    return [group for group in groups.values() if len(group) > 1]


def _is_equal(group: Sequence[Trial]) -> bool:
    return len({(trial.value, trial.curve) for trial in group}) == 1


def pooled_spread(groups: Groups) -> Spread | None:
    """Returns the pooled standard deviation, sqrt(sum of squares within groups / df); None without two equal params."""
    repeated = [group for group in groups if len(group) > 1]
    df = sum(len(group) - 1 for group in repeated)
    if not df:
        return None
    squares = math.fsum((value - mean) ** 2 for group in repeated for mean in [fmean(group)] for value in group)
    low, high = (math.sqrt(squares / float(stats.chi2.ppf((1 + side * LEVEL) / 2, df))) for side in (1, -1))
    return Spread(len(repeated), df, math.sqrt(squares / df), low, high)


def groups_of(experiment: Experiment, task: str) -> dict[str, list[list[float]]]:
    """Returns the groups of equal params on a task by where they come from."""
    studies = experiment.of(task=task)
    return {
        VALIDATION: [list(confirmed.values) for confirmed in retrained(studies)],
        TEST: [list(confirmed.tests) for confirmed in retrained(studies)],
        SEARCH: _searched(studies),
    }


def retrained(studies: Sequence[Study]) -> list[Confirmed]:
    """Returns the confirmed params of the studies; retrainings that several studies share count once."""
    different: dict[tuple[str, float, tuple[float, ...]], Confirmed] = {}
    for study in (study for study in studies if study.confirmed):
        params = {trial.number: trial.params for trial in study.trials}
        for confirmed in study.confirmed:
            key = (canonical(params.get(confirmed.trial, {})), confirmed.searched, confirmed.values)
            different.setdefault(key, confirmed)
    return list(different.values())


def _searched(studies: Sequence[Study]) -> list[list[float]]:
    """Returns the values of equal params in several studies; a training is known by the study's seed and its number."""
    groups: dict[str, dict[tuple[int, int], float]] = {}
    for study in studies:
        for trial in study.complete:
            if trial.params and trial.value is not None:
                groups.setdefault(canonical(trial.params), {}).setdefault((study.seed, trial.number), trial.value)
    return [list(group.values()) for group in groups.values()]
