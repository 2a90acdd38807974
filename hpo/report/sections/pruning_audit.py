"""Falsely pruned trials: those that would have been better than the incumbent had they gone on to their end.

Of a random sample that was trained to the end, or of a recorded table; apart from that, what other studies happen to
tell that trained the same params to the end: nobody chose these twins at random.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hpo.contracts.records import PRUNED
from hpo.report.analysis.conduct import training_of
from hpo.report.analysis.incumbents import incumbent, is_complete, loss
from hpo.report.analysis.phrases import count, share_columns
from hpo.report.analysis.records import Audit, Experiment, Study, Trial
from hpo.report.document.content import Block, Column, Section, Table, Text
from hpo.statistics.proportion import Share, share_of

KEY, TITLE = "audit", "Falsely pruned trials"


@dataclass(frozen=True)
class Audited:
    """A pruned trial of which it is known what it would have come to.

    Attributes:
        beats_incumbent: Whether that is better than the incumbent when it was pruned; None without an incumbent.
        beats_final: Whether it is better than the best of its search in the end; None if nothing was completed.
    """

    beats_incumbent: bool | None
    beats_final: bool | None


@dataclass(frozen=True)
class StrategyAudit:
    """What is known of a strategy's pruned trials.

    Attributes:
        strategy: Its name.
        n_pruned: All of them.
        found: Those that were audited.
        audits: What the audits of its studies cost; empty where nothing was trained.
    """

    strategy: str
    n_pruned: int
    found: Sequence[Audited]
    audits: Sequence[Audit]

    @property
    def incumbent(self) -> Share:
        """How many would have beaten the incumbent of the moment, of those pruned when there was one."""
        return share_of(one.beats_incumbent for one in self.found)

    @property
    def final(self) -> Share:
        """How many would have beaten the best of the whole search."""
        return share_of(one.beats_final for one in self.found)

    @property
    def epochs(self) -> float | None:
        return math.fsum(audit.epochs for audit in self.audits) if self.audits else None

    @property
    def n_failed(self) -> int:
        return sum(audit.n_failed for audit in self.audits)


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


def build_audit(experiment: Experiment) -> Section:
    """Returns the part of the pruning section on falsely pruned trials, per strategy."""
    audits = audit(experiment)
    n_pruned = sum(one.n_pruned for one in audits)
    if not n_pruned:
        return Section(KEY, TITLE, [], {})
    twins = find_twins(experiment)
    numbers = {one.strategy: {**_numbers(one), "elsewhere": _share(twins, one.strategy).numbers} for one in audits}
    elsewhere = build_twins(experiment, twins)
    if any(one.found or one.audits for one in audits):
        blocks: list[Block] = [_table(audits), Text(" ".join(_scope(audits)), tone="note"), *elsewhere]
        return Section(KEY, TITLE, blocks, numbers)
    known = "" if elsewhere else " No other study trained the params of a pruned trial to the end, either."
    text = f"How many of {count(n_pruned, 'pruned trial')} were falsely pruned is not known: no audit sample was drawn."
    return Section(KEY, TITLE, [Text(text + known), *elsewhere], numbers)


def audit(experiment: Experiment) -> list[StrategyAudit]:
    """Returns what is known of the pruned trials of each strategy."""
    return [_audit_strategy(experiment, strategy) for strategy in experiment.strategies]


def _audit_strategy(experiment: Experiment, strategy: str) -> StrategyAudit:
    studies = experiment.of(strategy=strategy)
    return StrategyAudit(
        strategy,
        n_pruned=sum(trial.state == PRUNED for study in studies for trial in study.trials),
        found=[one for study in studies for one in _audit_study(study, experiment.sign)],
        audits=[study.audit for study in studies if study.audit is not None],
    )


def _audit_study(study: Study, sign: float) -> Iterator[Audited]:
    final = incumbent(study.complete, sign=sign)
    for trial, best in _pruned(study, sign):
        if trial.continued is not None:
            yield Audited(_beats(trial.continued, best, sign), _beats(trial.continued, final, sign))


def _pruned(study: Study, sign: float) -> Iterator[tuple[Trial, Trial | None]]:
    """Yields each pruned trial and the incumbent at that moment."""
    best = None
    for trial in study.finished:
        if is_complete(trial):
            best = incumbent([trial] if best is None else [best, trial], sign=sign)
        elif trial.state == PRUNED:
            yield trial, best


def _beats(continued: float, other: Trial | None, sign: float) -> bool | None:
    """Returns whether a value is better than that of a complete trial; what diverges never is."""
    return None if other is None else math.isfinite(continued) and sign * continued < loss(other, sign=sign)


def _numbers(one: StrategyAudit) -> dict[str, object]:
    return {
        "n_pruned": one.n_pruned,
        "n_audited": len(one.found),
        "n_failed": one.n_failed,
        "incumbent": one.incumbent.numbers,
        "final": one.final.numbers,
        "epochs": one.epochs,
    }


def _table(audits: Sequence[StrategyAudit]) -> Table:
    rows = [
        [one.strategy, f"{len(one.found)}/{one.n_pruned}", *one.incumbent.cells, *one.final.cells, one.epochs]
        for one in audits
        if one.n_pruned
    ]
    columns = [Column("Strategy"), Column("Audited (of pruned)"), *share_columns("Beat the incumbent")]
    columns += [*share_columns("Beat the final best", of="final"), Column("Audit epochs")]
    note = (
        "Beat: at its end the trial would have been better than the incumbent of the moment at which it was pruned, "
        "or than the best of its whole search; exact (Clopper–Pearson) intervals, as if trials were independent."
    )
    return Table("pruning_audit", TITLE, columns, rows, note)


def _scope(of_strategies: Sequence[StrategyAudit]) -> Iterator[str]:
    """Yields how it is known what the trials would have come to, and what is not."""
    n_pruned, n_found = sum(one.n_pruned for one in of_strategies), sum(len(one.found) for one in of_strategies)
    audits = [audit for one in of_strategies for audit in one.audits]
    yield f"What it would have come to is known of {n_found} of {count(n_pruned, 'pruned trial')}."
    if audits:
        n_trained, epochs = sum(audit.n_trials for audit in audits), math.fsum(audit.epochs for audit in audits)
        yield (
            f"{n_trained} were drawn at random, whatever they had come to, and trained with their own seed from the "
            f"first epoch to the last: {epochs:,g} epochs, outside the budgets."
        )
    n_failed, n_open = sum(one.n_failed for one in of_strategies), sum(not audit.is_ended for audit in audits)
    if n_failed:
        yield f"{n_failed} of them failed in that, but not by diverging, and are not counted."
    if n_open:
        yield f"The audit of {count(n_open, 'study')} is not finished."
    n_early = n_found - sum(one.incumbent.n for one in of_strategies)
    if n_early:
        yield f"{n_early} were pruned before there was an incumbent that they could have beaten."


def find_twins(experiment: Experiment) -> list[Twin]:
    """Returns the pruned trials whose params were trained to the end in another study on the same task."""
    whole: dict[tuple[str, str], list[tuple[Study, Trial]]] = {}
    for study in experiment.studies:
        for trial in study.complete:
            if trial.params:
                whole.setdefault((study.task, training_of(study, trial)), []).append((study, trial))
    twins = []
    for study in experiment.studies:
        for trial, best in _pruned(study, experiment.sign):
            alike = whole.get((study.task, training_of(study, trial)), ())
            others = [twin for other, twin in alike if other.name != study.name]
            same = [twin for twin in others if trial.curve and twin.curve[: len(trial.curve)] == trial.curve]
            if others:
                has_won = _beats((same or others)[0].value or 0.0, best, experiment.sign)
                twins.append(Twin(study.strategy, bool(same), has_won))
    return twins


def build_twins(experiment: Experiment, twins: Sequence[Twin]) -> list[Block]:
    """Returns what other studies tell of pruned trials; [] if they tell nothing."""
    if all(twin.has_won is None for twin in twins):
        return []
    rows = []
    for strategy in experiment.strategies:
        known = [twin for twin in twins if twin.strategy == strategy and twin.has_won is not None]
        if known:
            n_same = sum(twin.is_same_training for twin in known)
            rows.append([strategy, *_share(known, strategy).cells, n_same])
    columns = [Column("Strategy"), *share_columns("Beaten elsewhere (of known)"), Column("Same training")]
    note = (
        "Beaten elsewhere: the same params, trained to the end by another study, beat the incumbent of the moment at "
        "which they were pruned. Nobody drew these trials at random, which the exact (Clopper–Pearson) intervals do "
        "not know of."
    )
    table = Table("pruning_twins", "Pruned params that another study trained to the end", columns, rows, note)
    return [table, Text(_twins_scope(experiment, twins), tone="note")]


def _share(twins: Sequence[Twin], strategy: str) -> Share:
    return share_of(twin.has_won for twin in twins if twin.strategy == strategy)


def _twins_scope(experiment: Experiment, twins: Sequence[Twin]) -> str:
    n_pruned = sum(trial.state == PRUNED for study in experiment.studies for trial in study.trials)
    n_early = sum(twin.has_won is None for twin in twins)
    n_same = sum(twin.is_same_training for twin in twins)
    rest = "" if n_same == len(twins) else " The others had another seed, whose noise adds to the share, or no curve."
    early = f" {n_early} of them were pruned before there was an incumbent and are not counted." if n_early else ""
    return (
        f"The params of {len(twins)} of {count(n_pruned, 'pruned trial')} happen to have been trained to the end by "
        f"another study.{early} In {n_same} of {len(twins)} the other trial began with exactly the same values: the "
        f"same training.{rest}"
    )
