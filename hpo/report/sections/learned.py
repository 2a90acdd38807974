"""The section on what the search learned: which params matter, values by param, the params of the best trials.

How much of the space was visited and whether the best agree is computed in `coverage`. An ablation path from the
default to the best params needs trials nobody ran, so there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpo.figures.figure import Axis, Cell, Figure, Series, View
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.importances import FANOVA, MIN_TRIALS, N_TREES, PED_ANOVA, POOLED, Importance, importances
from hpo.report.analysis.phrases import labelled, task_name
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.analysis.spaces import Space, choice_names, has_param, is_log, places_of
from hpo.report.document.content import Block, Section, Table, Text
from hpo.report.sections.coverage import best_trials, build_agreement, build_coverage
from hpo.report.sections.schedules import build_schedules
from hpo.report.sections.series import evenly
from hpo.report.sections.tables import Field, Record, table
from hpo.space.space import canonical

READING = {
    PED_ANOVA: f"{PED_ANOVA}: what the best 10 % of the trials have in common that the others do not (local)",
    FANOVA: f"{FANOVA}: how much of the variance over the whole space each param explains alone (global)",
}
MAX_POINTS = 300
N_BEST = 20


def build_learned(analysis: Analysis) -> Section | None:
    """Returns the section on what was learned of the params; None when no trial has any, or a value of its own."""
    experiment, spaces = analysis.experiment, analysis.spaces
    if experiment.is_incumbent or not any(spaces.values()):
        return None
    rng = analysis.source.rng
    results = importances(experiment, spaces, rng)
    coverage = build_coverage(experiment, spaces, rng)
    agreement = build_agreement(experiment, spaces, rng)
    schedules, found = build_schedules(experiment)
    blocks: list[Block] = [
        *_importance_blocks(experiment, results, spaces),
        *build_slices(experiment, spaces),
        *build_parallel(experiment, spaces),
        *agreement.blocks,
        *schedules,
        *coverage.blocks,
    ]
    if any(not experiment.spaces.get(task) for task in experiment.tasks):
        blocks.append(Text("The space is not known; the ranges the trials' params lie in stand for it.", tone="note"))
    numbers = {
        "importances": _importance_numbers(results),
        "agreement": agreement.numbers,
        "coverage": coverage.numbers,
        **found,
    }
    return Section("learned", "What the search learned", blocks, numbers)


def _importance_numbers(results: Sequence[Importance]) -> dict[str, object]:
    numbers: dict[str, dict[str, dict[str, object]]] = {}
    for result in results:
        of_task = numbers.setdefault(task_name(result.task), {})
        of_task.setdefault(result.group, {})[result.evaluator] = {
            "n_trials": result.n_trials,
            "n_used": result.n_used,
            "shares": dict(result.shares) or None,
            "why_not": result.why_not or None,
        }
    return dict(numbers)


def _importance_blocks(experiment: Experiment, found: Sequence[Importance], spaces: Mapping[str, Space]) -> list[Block]:
    useful = [one for one in found if one.shares]
    blocks: list[Block] = [Text(sentence, tone="note") for sentence in _left_out(experiment, found)]
    if not useful:
        return blocks
    return [Text(_warning(found)), _table(experiment, useful, spaces), _figure(experiment, useful, spaces), *blocks]


def _left_out(experiment: Experiment, results: Sequence[Importance]) -> list[str]:
    """Returns why importances are missing, one sentence a reason."""
    if not results:
        return ["Importances are not given: no complete trial has params."]
    reasons: dict[str, list[str]] = {}
    for result in results:
        if result.why_not:
            reasons.setdefault(result.why_not, []).append(
                f"{result.evaluator} of {result.group}{experiment.on(task_name(result.task))}"
            )
    return [f"Importances are not given for {', '.join(names)}: {reason}." for reason, names in reasons.items()]


def _warning(results: Sequence[Importance]) -> str:
    used = [result for result in results if result.evaluator == FANOVA and result.shares]
    most = max((result.n_used for result in used), default=0)
    is_part = any(result.n_used < result.n_trials for result in used)
    part = f" from {most} of a group's trials, drawn with a fixed seed," if is_part else ""
    few = [result for result in results if result.evaluator == PED_ANOVA and result.shares and result.n_used < 50]
    unsteady = f" With fewer than 50 trials the best 10 % are fewer than 5, and {PED_ANOVA} is unsteady." if few else ""
    has_pool = any(result.group == POOLED for result in used)
    trust = f"trust it on the {POOLED}" if has_pool else "there are no random trials enough to set against it"
    return (
        f"{READING[PED_ANOVA]}. {READING[FANOVA]}; computed{part} with {N_TREES} trees on the unit cube. Adaptive "
        f"strategies look where values are good, which biases {FANOVA}: {trust}. "
        f"At least {MIN_TRIALS} trials are needed.{unsteady}"
    )


def _table(experiment: Experiment, results: Sequence[Importance], spaces: Mapping[str, Space]) -> Table:
    paths = list(dict.fromkeys(path for task in experiment.tasks for path in spaces[task]))
    columns: list[Field[Record]] = [
        Field("task", "Task"),
        Field("evaluator", "Evaluator"),
        Field("group", "Trials of"),
    ]
    columns += [Field("n_used", "Trials"), *(Field(f"param {path}", f"{path} (%)", format=".0f") for path in paths)]
    records: list[Record] = [
        {
            "task": result.task,
            "evaluator": evaluator,
            "group": result.group,
            "n_used": result.n_used,
            **{f"param {path}": _percent(result, path) for path in paths},
        }
        for evaluator in (PED_ANOVA, FANOVA)
        for result in results
        if result.evaluator == evaluator
    ]
    note = "Shares of the sum of all importances in a row; a dash means that the param could not be assessed."
    return table(experiment, "learned_importance", "Importance of each param", columns, records, note)


def _percent(result: Importance, path: str) -> float | None:
    return 100 * result.shares[path] if path in result.shares else None


def _figure(experiment: Experiment, results: Sequence[Importance], spaces: Mapping[str, Space]) -> Figure:
    views = []
    for task in experiment.tasks:
        for evaluator in (FANOVA, PED_ANOVA):
            series = [_bar(one, spaces[task]) for one in results if (one.task, one.evaluator) == (task, evaluator)]
            if series:
                y = Axis(f"share of all importances by {evaluator} (%)")
                x = Axis("param", categories=list(spaces[task]))
                views.append(View(labelled(experiment, task, evaluator), x, y, series))
    caption = (
        "The higher a bar, the more the param matters by this evaluator; grey bars, where there are any, are the "
        f"{POOLED}, the only unbiased ones for {FANOVA}."
    )
    return Figure("learned_importance", "Importance of each param", caption, views)


def _bar(result: Importance, space: Space) -> Series:
    strategy = None if result.group == POOLED else result.group
    y = [_percent(result, path) for path in space]
    return Series(result.group, "bar", list(space), y, strategy=strategy)


def build_slices(experiment: Experiment, spaces: Mapping[str, Space]) -> list[Figure]:
    """Returns a figure for each task with a view for each param: the values of complete trials over it."""
    figures = []
    for place, task in enumerate(experiment.tasks):
        views = [_slice(experiment, task, path, spaces[task]) for path in spaces[task]]
        views = [view for view in views if view.series]
        if not views:
            continue
        key = "learned_slice" if place == 0 else f"learned_slice_{place + 1}"
        title = f"Value by param{experiment.on(task_name(task))}"
        caption = (
            "One point a complete trial: where points of all strategies rise or fall together the param matters, and "
            f"where a strategy's points crowd it searched most (at most {MAX_POINTS} of each, evenly over its trials)."
        )
        figures.append(Figure(key, title, caption, views))
    return figures


def build_parallel(experiment: Experiment, spaces: Mapping[str, Space]) -> list[Figure]:
    """Returns the best trials as lines through the places of their params, two views a task; [] without any."""
    views = []
    for task in experiment.tasks:
        bests = [one for strategy in experiment.strategies for one in best_trials(experiment, task, strategy)]
        axes = (
            Axis("param", categories=list(spaces[task])),
            Axis("place in its range (0 lowest, 1 highest; log params: log)"),
        )
        chosen = {f"best {N_BEST} trials": top_trials(experiment, task), "best of each study": bests}
        for label, trials in chosen.items():
            series = _lines(trials, spaces[task], experiment.metric)
            if series and len(spaces[task]) > 1:
                views.append(View(labelled(experiment, task, label), *axes, series))
    caption = (
        "One line a trial through the places of its params: lines that run through one point agree in that param; "
        f"equal params of several studies count once among the best {N_BEST}."
    )
    return [Figure("learned_parallel", "Params of the best trials", caption, views)] if views else []


def top_trials(experiment: Experiment, task: str) -> list[tuple[Study, Trial]]:
    """Returns the N_BEST best complete trials with different params on a task, the best first."""
    complete = [(study, trial) for study in experiment.of(task=task) for trial in study.complete if trial.params]
    ranked = sorted(complete, key=lambda one: experiment.sign * (one[1].value or 0.0))
    different: dict[str, tuple[Study, Trial]] = {}
    for one in ranked:
        different.setdefault(canonical(one[1].params), one)
    return list(different.values())[:N_BEST]


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
        trials = [(s, t) for s in studies for t in s.complete if path in t.params]
        drawn = [one for one in evenly(trials, MAX_POINTS) if has_param(one[1], path, space)]
        if drawn:
            x = [_place(trial.params[path], is_named=bool(names)) for _, trial in drawn]
            y = [trial.value for _, trial in drawn]
            text = [f"seed {study.seed}, trial {trial.number}" for study, trial in drawn]
            series.append(Series(strategy, "points", x, y, strategy=strategy, text=text))
    x_axis = Axis(path, is_log=is_log(space[path]), categories=names)
    return View(path, x_axis, Axis(f"{experiment.metric} ({experiment.better} is better)"), series)


def _place(value: Cell, *, is_named: bool) -> Cell:
    return str(value) if is_named or isinstance(value, bool) else value
