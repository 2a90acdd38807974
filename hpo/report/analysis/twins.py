"""Twins of pruned trials: trials with the same params and settings that another study trained to the end.

Nobody chose them at random, so they are shown apart from an audit, which is `report.sections.pruning_audit`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.contracts.records import PRUNED
from hpo.figures.figure import Cell
from hpo.report.analysis.conduct import training_of
from hpo.report.analysis.incumbents import incumbent, is_complete, loss
from hpo.report.analysis.phrases import count, share_columns
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.document.content import Block, Column, Table, Text
from hpo.statistics.proportion import Share

Twins = Mapping[tuple[str, str], Sequence[tuple[Study, Trial]]]
"""Complete trials and their studies by task and what was trained."""


@dataclass(frozen=True)
class Twin:
    """A pruned trial whose params another study trained to the end.

    Attributes:
        strategy: Of the pruned trial.
        is_same_training: Whether the other's curve begins exactly as the pruned one's.
        has_won: Whether the other's final value beats the incumbent at the time of pruning; None without an incumbent.
    """

    strategy: str
    is_same_training: bool
    has_won: bool | None


def build_twins(experiment: Experiment) -> list[Block]:
    """Returns what other studies tell of pruned trials; [] if they tell nothing."""
    found = find_twins(experiment)
    if not any(one.has_won is not None for one in found):
        return []
    return [_table(experiment, found), Text(_scope(experiment, found), tone="note")]


def twin_numbers(experiment: Experiment) -> dict[str, dict[str, float | None]]:
    """Returns the shares of `build_twins` by strategy."""
    found = find_twins(experiment)
    return {strategy: _share(found, strategy).numbers for strategy in experiment.strategies}


def find_twins(experiment: Experiment) -> list[Twin]:
    """Returns the pruned trials whose params were trained to the end in another study on the same task."""
    twins: dict[tuple[str, str], list[tuple[Study, Trial]]] = {}
    for study in experiment.studies:
        for trial in study.complete:
            if trial.params:
                twins.setdefault((study.task, training_of(study, trial)), []).append((study, trial))
    return [one for study in experiment.studies for one in _twins_of(study, twins, experiment.sign)]


def _twins_of(study: Study, twins: Twins, sign: float) -> list[Twin]:
    found, best = [], None
    for trial in study.finished:
        if is_complete(trial):
            best = incumbent([trial] if best is None else [best, trial], sign=sign)
        elif trial.state == PRUNED:
            key = (study.task, training_of(study, trial))
            others = [twin for other, twin in twins.get(key, ()) if other.name != study.name]
            if others:
                same = [twin for twin in others if trial.curve and twin.curve[: len(trial.curve)] == trial.curve]
                twin = (same or others)[0]
                has_won = None if best is None else loss(twin, sign=sign) < loss(best, sign=sign)
                found.append(Twin(study.strategy, bool(same), has_won))
    return found


def _share(found: Sequence[Twin], strategy: str) -> Share:
    won = [one.has_won for one in found if one.strategy == strategy and one.has_won is not None]
    return Share(sum(won), len(won))


def _table(experiment: Experiment, found: Sequence[Twin]) -> Table:
    rows: list[Sequence[Cell]] = []
    for strategy in experiment.strategies:
        share = _share(found, strategy)
        n_same = sum(one.is_same_training for one in found if one.strategy == strategy and one.has_won is not None)
        if share.n:
            rows.append([strategy, *share.cells, n_same])
    columns = [Column("Strategy"), *share_columns("Beaten elsewhere (of known)"), Column("Same training")]
    note = (
        "Beaten elsewhere: the same params, trained to the end by another study, beat the incumbent of the moment at "
        "which they were pruned. Nobody drew these trials at random, which the exact (Clopper–Pearson) intervals do "
        "not know of."
    )
    return Table("pruning_twins", "Pruned params that another study trained to the end", columns, rows, note)


def _scope(experiment: Experiment, found: Sequence[Twin]) -> str:
    n_pruned = sum(trial.state == PRUNED for study in experiment.studies for trial in study.trials)
    n_early = sum(one.has_won is None for one in found)
    n_same = sum(one.is_same_training for one in found)
    rest = "" if n_same == len(found) else " The others had another seed, whose noise adds to the share, or no curve."
    early = f" {n_early} of them were pruned before there was an incumbent and are not counted." if n_early else ""
    return (
        f"The params of {len(found)} of {count(n_pruned, 'pruned trial')} happen to have been trained to the end by "
        f"another study.{early} In {n_same} of {len(found)} the other trial began with exactly the same values: the "
        f"same training.{rest}"
    )
