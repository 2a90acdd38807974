"""The section on what the search learned: which params matter, where was looked, whether the best agree.

An ablation path from the default to the best params needs trials nobody ran, so there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hpo.figures.figure import Axis, Cell, Figure, Series, View
from hpo.report.analysis.importances import FANOVA, MIN_TRIALS, N_TREES, PED_ANOVA, POOLED, Importance, importances
from hpo.report.analysis.phrases import TASK, task_name, task_table
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.spaces import Space, space_of
from hpo.report.document.content import Block, Column, Section, Table, Text
from hpo.report.sections.agreement import build_agreement
from hpo.report.sections.coverage import build_coverage
from hpo.report.sections.slices import build_parallel, build_slices

READING = {
    PED_ANOVA: f"{PED_ANOVA}: what the best 10 % of the trials have in common that the others do not (local)",
    FANOVA: f"{FANOVA}: how much of the variance over the whole space each param explains alone (global)",
}


def build_learned(experiment: Experiment, *, seed: int = 0) -> Section | None:
    """Returns the section on what was learned of the params; None when no trial has any.

    Args:
        experiment: Of any size.
        seed: Of what is drawn: trials for fANOVA, places that coverage and agreement are compared with.
    """
    spaces = {task: space_of(experiment, task) for task in experiment.tasks}
    if not any(spaces.values()):
        return None
    rng = np.random.default_rng(seed)
    found = importances(experiment, spaces, rng)
    coverage = build_coverage(experiment, spaces, rng)
    agreement = build_agreement(experiment, spaces, rng)
    parallel = build_parallel(experiment, spaces)
    blocks: list[Block] = [
        *_importance_blocks(experiment, found, spaces),
        *build_slices(experiment, spaces),
        *([] if parallel is None else [parallel]),
        *agreement.blocks,
        *coverage.blocks,
    ]
    if any(not experiment.spaces.get(task) for task in experiment.tasks):
        blocks.append(Text("The space is not known; the ranges the trials' params lie in stand for it.", tone="note"))
    numbers = {
        "importances": _importance_numbers(found),
        "agreement": agreement.numbers,
        "coverage": coverage.numbers,
    }
    return Section("learned", "What the search learned", blocks, numbers)


def _importance_numbers(found: Sequence[Importance]) -> dict[str, object]:
    numbers: dict[str, dict[str, dict[str, object]]] = {}
    for one in found:
        of_task = numbers.setdefault(task_name(one.task), {})
        of_task.setdefault(one.group, {})[one.evaluator] = {
            "n_trials": one.n_trials,
            "n_used": one.n_used,
            "shares": dict(one.shares) or None,
            "why_not": one.why_not or None,
        }
    return dict(numbers)


def _importance_blocks(experiment: Experiment, found: Sequence[Importance], spaces: Mapping[str, Space]) -> list[Block]:
    known = [one for one in found if one.shares]
    blocks: list[Block] = [Text(sentence, tone="note") for sentence in _left_out(experiment, found)]
    if not known:
        return blocks
    return [Text(_warning(found)), _table(experiment, known, spaces), _figure(experiment, known, spaces), *blocks]


def _left_out(experiment: Experiment, found: Sequence[Importance]) -> list[str]:
    """Returns why importances are missing, one sentence a reason."""
    if not found:
        return ["Importances are not given: no complete trial has params."]
    reasons: dict[str, list[str]] = {}
    for one in found:
        if one.why_not:
            where = f" on {task_name(one.task)}" if len(experiment.tasks) > 1 else ""
            reasons.setdefault(one.why_not, []).append(f"{one.evaluator} of {one.group}{where}")
    return [f"Importances are not given for {', '.join(names)}: {reason}." for reason, names in reasons.items()]


def _warning(found: Sequence[Importance]) -> str:
    used = [one for one in found if one.evaluator == FANOVA and one.shares]
    most = max((one.n_used for one in used), default=0)
    is_part = any(one.n_used < one.n_trials for one in used)
    part = f" from {most} of a group's trials, drawn with a fixed seed," if is_part else ""
    few = [one for one in found if one.evaluator == PED_ANOVA and one.shares and one.n_used < 50]
    unsteady = f" With fewer than 50 trials the best 10 % are fewer than 5, and {PED_ANOVA} is unsteady." if few else ""
    has_pool = any(one.group == POOLED for one in used)
    trust = f"trust it on the {POOLED}" if has_pool else "there are no random trials enough to set against it"
    return (
        f"{READING[PED_ANOVA]}. {READING[FANOVA]}; computed{part} with {N_TREES} trees on the unit cube. Adaptive "
        f"strategies look where values are good, which biases {FANOVA}: {trust}. "
        f"At least {MIN_TRIALS} trials are needed.{unsteady}"
    )


def _table(experiment: Experiment, known: Sequence[Importance], spaces: Mapping[str, Space]) -> Table:
    paths = list(dict.fromkeys(path for task in experiment.tasks for path in spaces[task]))
    rows: list[Sequence[Cell]] = [
        [task_name(one.task), one.evaluator, one.group, one.n_used, *(_percent(one, path) for path in paths)]
        for evaluator in (PED_ANOVA, FANOVA)
        for one in known
        if one.evaluator == evaluator
    ]
    columns = [TASK, Column("Evaluator"), Column("Trials of"), Column("Trials")]
    columns += [Column(f"{path} (%)", ".0f") for path in paths]
    note = "Shares of the sum of all importances in a row; a dash means that the param could not be assessed."
    return task_table(experiment, Table("learned_importance", "Importance of each param", columns, rows, note))


def _percent(one: Importance, path: str) -> float | None:
    return 100 * one.shares[path] if path in one.shares else None


def _figure(experiment: Experiment, known: Sequence[Importance], spaces: Mapping[str, Space]) -> Figure:
    views = []
    for task in experiment.tasks:
        for evaluator in (FANOVA, PED_ANOVA):
            series = [_bar(one, spaces[task]) for one in known if (one.task, one.evaluator) == (task, evaluator)]
            if series:
                label = f"{task_name(task)}: {evaluator}" if len(experiment.tasks) > 1 else evaluator
                y = Axis(f"share of all importances by {evaluator} (%)")
                views.append(View(label, Axis("param", categories=list(spaces[task])), y, series))
    caption = (
        "The higher a bar, the more the param matters by this evaluator; grey bars, where there are any, are the "
        f"{POOLED}, the only unbiased ones for {FANOVA}."
    )
    return Figure("learned_importance", "Importance of each param", caption, views)


def _bar(one: Importance, space: Space) -> Series:
    strategy = None if one.group == POOLED else one.group
    y = [_percent(one, path) for path in space]
    return Series(one.group, "bar", list(space), y, strategy=strategy)
