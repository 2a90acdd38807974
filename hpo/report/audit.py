"""Falsely pruned trials: those whose params were trained to the end in another study and would have been better.

Nothing is trained for it: only what the record happens to hold is looked at, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from hpo.record import PRUNED
from hpo.report.budget import incumbent, is_complete, loss
from hpo.report.content import Block, Cell, Column, Section, Table, Text
from hpo.report.records import Experiment, Study, Trial
from hpo.space import canonical

Twins = Mapping[tuple[str, str], Sequence[tuple[Study, Trial]]]
"""Complete trials and their studies by task and params."""


@dataclass(frozen=True)
class Audited:
    """A pruned trial that another study trained to the end.

    Attributes:
        strategy: Of the pruned trial.
        is_same_training: Whether the other's curve begins exactly as the pruned one's.
        has_won: Whether the other's final value beats the incumbent at the time of pruning; None without an incumbent.
    """

    strategy: str
    is_same_training: bool
    has_won: bool | None


def build_audit(experiment: Experiment) -> Section:
    """Returns the part of the pruning section on falsely pruned trials, per strategy."""
    found = audit(experiment)
    counted = [one for one in found if one.has_won is not None]
    numbers = {name: _numbers([one for one in counted if one.strategy == name]) for name in experiment.strategies}
    n_pruned = sum(trial.state == PRUNED for study in experiment.studies for trial in study.trials)
    if not n_pruned:
        return Section("audit", "Falsely pruned trials", [], {})
    if not counted:
        text = Text(
            f"How many of the {n_pruned} pruned trials were wrongly stopped is not known: no audit sample was taken "
            "and no other study trained the params of a pruned trial to the end."
        )
        return Section("audit", "Falsely pruned trials", [text], numbers)
    blocks: list[Block] = [_table(experiment, counted), Text(_scope(n_pruned, found), tone="note")]
    return Section("audit", "Falsely pruned trials", blocks, numbers)


def audit(experiment: Experiment) -> list[Audited]:
    """Returns the pruned trials whose params were trained to the end in another study on the same task."""
    twins: dict[tuple[str, str], list[tuple[Study, Trial]]] = {}
    for study in experiment.studies:
        for trial in study.complete:
            if trial.params:
                twins.setdefault((study.task, canonical(trial.params)), []).append((study, trial))
    return [one for study in experiment.studies for one in _audit_study(study, twins, experiment.sign)]


def _audit_study(study: Study, twins: Twins, sign: float) -> list[Audited]:
    found, best = [], None
    for trial in study.finished:
        if is_complete(trial):
            best = incumbent([trial] if best is None else [best, trial], sign=sign)
        elif trial.state == PRUNED:
            key = (study.task, canonical(trial.params))
            others = [twin for other, twin in twins.get(key, ()) if other.name != study.name]
            if others:
                same = [twin for twin in others if trial.curve and twin.curve[: len(trial.curve)] == trial.curve]
                twin = (same or others)[0]
                has_won = None if best is None else loss(twin, sign=sign) < loss(best, sign=sign)
                found.append(Audited(study.strategy, bool(same), has_won))
    return found


def _numbers(counted: Sequence[Audited]) -> dict[str, object]:
    n, k = len(counted), sum(one.has_won is True for one in counted)
    low, high = share_interval(k, n)
    return {"n_audited": n, "n_false": k, "share": k / n if n else None, "low": low, "high": high}


def share_interval(k: int, n: int) -> tuple[float | None, float | None]:
    """Returns Wilson's 95 % interval of a share of `k` in `n`."""
    if not n:
        return None, None
    interval = stats.binomtest(k, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def _table(experiment: Experiment, counted: Sequence[Audited]) -> Table:
    rows: list[Sequence[Cell]] = []
    for strategy in experiment.strategies:
        own = [one for one in counted if one.strategy == strategy]
        if own:
            k, n = sum(one.has_won is True for one in own), len(own)
            low, high = share_interval(k, n)
            rows.append([strategy, f"{k}/{n}", k / n, low, high, sum(one.is_same_training for one in own)])
    columns = [Column("Strategy"), Column("Falsely pruned (of audited)"), Column("Share", ".2f")]
    columns += [Column("95 % from", ".2f"), Column("95 % to", ".2f"), Column("Same training")]
    note = (
        "Falsely pruned: trained to the end elsewhere, the same params beat the incumbent of the moment they were "
        "stopped at; Wilson intervals."
    )
    return Table("pruning_audit", "Falsely pruned trials", columns, rows, note)


def _scope(n_pruned: int, found: Sequence[Audited]) -> str:
    n_early = sum(one.has_won is None for one in found)
    n_same = sum(one.is_same_training for one in found)
    rest = "" if n_same == len(found) else " The others had another seed, whose noise adds to the share, or no curve."
    early = f" {n_early} of them were stopped before there was an incumbent and are not counted." if n_early else ""
    return (
        f"No audit sample was drawn: of {n_pruned} pruned trials, {len(found)} happen to have been trained to the end "
        f"by another study, which is not a random choice.{early} In {n_same} of {len(found)} the other trial began "
        f"with exactly the same values: the same training.{rest}"
    )
