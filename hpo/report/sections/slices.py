"""Trials over their params: the value by each param, and the best trials as lines through all params.

Which params matter is `importances`' business.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpo.figures.figure import Axis, Cell, Figure, Series, View
from hpo.report.analysis.phrases import task_name
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.analysis.spaces import Space, choice_names, has_param, is_log, places_of
from hpo.report.sections.agreement import best_trials
from hpo.space.space import canonical

MAX_POINTS = 300
N_BEST = 20


def build_slices(experiment: Experiment, spaces: Mapping[str, Space]) -> list[Figure]:
    """Returns a figure for each task with a view for each param: the values of complete trials over it."""
    figures = []
    for place, task in enumerate(experiment.tasks):
        views = [_slice(experiment, task, path, spaces[task]) for path in spaces[task]]
        views = [view for view in views if view.series]
        if not views:
            continue
        key = "learned_slice" if place == 0 else f"learned_slice_{place + 1}"
        title = "Value by param" + (f" on {task_name(task)}" if len(experiment.tasks) > 1 else "")
        caption = (
            "One point a complete trial: where points of all strategies rise or fall together the param matters, and "
            f"where a strategy's points crowd it searched most (at most {MAX_POINTS} of each, evenly over its trials)."
        )
        figures.append(Figure(key, title, caption, views))
    return figures


def build_parallel(experiment: Experiment, spaces: Mapping[str, Space]) -> Figure | None:
    """Returns the best trials as lines through the places of their params, two views a task; None without any."""
    views = []
    for task in experiment.tasks:
        for label, chosen in (
            (f"best {N_BEST} trials", top_trials(experiment, task)),
            ("best of each study", _bests(experiment, task)),
        ):
            series = _lines(chosen, spaces[task], experiment.metric)
            if series and len(spaces[task]) > 1:
                name = f"{task_name(task)}: {label}" if len(experiment.tasks) > 1 else label
                axis = Axis("param", categories=list(spaces[task]))
                views.append(
                    View(name, axis, Axis("place in its range (0 lowest, 1 highest; log params: log)"), series)
                )
    if not views:
        return None
    caption = (
        "One line a trial through the places of its params: lines that run through one point agree in that param; "
        f"equal params of several studies count once among the best {N_BEST}."
    )
    return Figure("learned_parallel", "Params of the best trials", caption, views)


def top_trials(experiment: Experiment, task: str) -> list[tuple[Study, Trial]]:
    """Returns the N_BEST best complete trials with different params on a task, the best first."""
    complete = [(study, trial) for study in experiment.of(task=task) for trial in study.complete if trial.params]
    ranked = sorted(complete, key=lambda one: experiment.sign * (one[1].value or 0.0))
    different: dict[str, tuple[Study, Trial]] = {}
    for one in ranked:
        different.setdefault(canonical(one[1].params), one)
    return list(different.values())[:N_BEST]


def _bests(experiment: Experiment, task: str) -> list[tuple[Study, Trial]]:
    return [one for strategy in experiment.strategies for one in best_trials(experiment, task, strategy)]


def _lines(chosen: Sequence[tuple[Study, Trial]], space: Space, metric: str) -> list[Series]:
    rows = places_of([trial for _, trial in chosen], space).tolist()
    named: set[str] = set()
    series = []
    for (study, trial), row in zip(chosen, rows, strict=True):
        y = [None if math.isnan(place) else place for place in row]
        trial_name = f"{study.strategy}, seed {study.seed}, trial {trial.number}: {metric} {trial.value:.4g}"
        text = [f"{trial_name}, {_show(trial.params.get(path))}" for path in space]
        is_first = study.strategy not in named
        named.add(study.strategy)
        line = Series(study.strategy, "line", list(space), y, strategy=study.strategy, text=text, in_legend=is_first)
        series.append(line)
    return series


def _show(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "not set" if value is None else str(value)


def _slice(experiment: Experiment, task: str, path: str, space: Space) -> View:
    names = choice_names(space[path])
    series = []
    for strategy in experiment.strategies:
        studies = experiment.of(task=task, strategy=strategy)
        trials = [(s, t) for s in studies for t in s.complete if has_param(t, path, space)]
        n = min(MAX_POINTS, len(trials))
        shown = [trials[place * len(trials) // n] for place in range(n)]
        if shown:
            x = [_place(trial.params[path], is_named=bool(names)) for _, trial in shown]
            y = [trial.value for _, trial in shown]
            text = [f"seed {study.seed}, trial {trial.number}" for study, trial in shown]
            series.append(Series(strategy, "points", x, y, strategy=strategy, text=text))
    better = "lower" if experiment.direction == "minimize" else "higher"
    x_axis = Axis(path, is_log=is_log(space[path]), categories=names)
    return View(path, x_axis, Axis(f"{experiment.metric} ({better} is better)"), series)


def _place(value: Cell, *, is_named: bool) -> Cell:
    return str(value) if is_named or isinstance(value, bool) else value
