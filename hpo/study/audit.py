"""Audit: a random sample of the trials a pruner stopped, trained to their end once the search is over.

A study of its own beside the search, so that neither its budget nor its sampler sees it; shares are the report's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.contracts.records import COMPLETE, CONTINUED, PRUNED, SEARCHED, StudyRecord, TrialRecord
from hpo.contracts.seeds import derive_seed
from hpo.contracts.trainer import Reason
from hpo.study.repeating import Repeating, ReplicateSampler
from hpo.study.role import Role


def audit_name(study: str) -> str:
    """Returns the name of the study that audits `study`."""
    return study + Audit.suffix


def is_auditable(trial: TrialRecord) -> bool:
    """Returns whether `trial` was pruned and nobody knows how it would have gone on, as a recorded table does."""
    return trial.state == PRUNED and CONTINUED not in trial.facts


def sample_size(n_pruned: int, share: float) -> int:
    """Returns how many of the pruned trials are audited: their share, rounded up."""
    return math.ceil(round(share * n_pruned, 9))  # 0.1 * 30 is a little more than 3


def draw_sample(trials: Sequence[TrialRecord], *, share: float, seed: int) -> list[TrialRecord]:
    """Returns the trials to audit, in an order that depends on the study's seed and their numbers alone.

    What a trial came to has no say in it. A search that goes on may draw others; what was audited stays audited.

    Args:
        trials: Those of the search that count.
        share: Of the pruned ones.
        seed: Of the study.
    """
    pruned = [trial for trial in trials if is_auditable(trial)]
    drawn = sorted(pruned, key=lambda trial: (derive_seed(seed, "audit", trial.number), trial.number))
    return drawn[: sample_size(len(pruned), share)]


class AuditSampler(ReplicateSampler):
    """Proposes the params of each trial of the sample once, to be trained with that trial's own seed.

    Args:
        sample: The trials that are to be audited.
        pruned: All that may have been, for those that an earlier driver began.
    """

    def __init__(self, sample: Sequence[TrialRecord], pruned: Sequence[TrialRecord]) -> None:
        super().__init__(sample, n_seeds=1, seed=0)
        self._params = {trial.number: trial.params for trial in pruned}
        self._seeds = {trial.number: trial.seed for trial in pruned}

    def seed_of(self, number: int) -> int:
        """Returns the seed of the trial that trial `number` repeats: the same weights, order of data and dropout."""
        return self._seeds[self._given[number].searched]

    def facts_of(self, number: int) -> dict[str, str]:
        return {SEARCHED: str(self._given[number].searched)}


class Audit(Repeating):
    """Trains a sample of the trials that were pruned in a search to their end; tests and keeps nothing.

    Args:
        search, study: The search and what is written down of it.
        trials: Those of the search.
        sample: Those that are audited.
        n_workers: Trials at once.
    """

    kind, verb, suffix, off = "audit", "audits", "-audit", "study.audit=0"
    keeps_weights = "none"

    def __init__(
        self,
        search: Role,
        study: StudyRecord,
        trials: Sequence[TrialRecord],
        *,
        sample: Sequence[TrialRecord],
        n_workers: int,
    ) -> None:
        sampler = AuditSampler(sample, [trial for trial in trials if is_auditable(trial)])
        super().__init__(search, study, sampler, n_workers=n_workers)
        self._counted = search.budget.counted(trials, is_ordered=search.config.study.ordered)

    def sum_up(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> str:
        return audited_sentence(self.searched, self._counted, trials)


@dataclass(frozen=True)
class AuditCounts:
    """What an audit found.

    Attributes:
        n_pruned: Pruned trials of the search.
        n_known: Those of them that the audit trained to their end, or until they diverged.
        n_failed: Those that failed in it for another reason.
        n_compared: Known ones that were pruned when the search had an incumbent.
        n_won: Those of them that would have been better than it.
    """

    n_pruned: int
    n_known: int
    n_failed: int
    n_compared: int
    n_won: int


def count_audit(search: StudyRecord, searched: Sequence[TrialRecord], audit: Sequence[TrialRecord]) -> AuditCounts:
    """Returns what the `audit` of a search found.

    Args:
        search: The search.
        searched: Its trials, in the order of their ends.
        audit: The trials of the audit.
    """
    ends = _ends(audit)
    n_pruned, won, best = 0, [], None
    for trial in searched:
        n_pruned += trial.state == PRUNED
        if trial.state == PRUNED and trial.number in ends and best is not None:
            won.append(_is_better(search, ends[trial.number], best))
        best = search.best([trial] if best is None else [best, trial])
    n_failed = sum(trial.is_finished for trial in audit) - len(ends)
    return AuditCounts(n_pruned, len(ends), n_failed, len(won), sum(won))


def audited_sentence(search: StudyRecord, searched: Sequence[TrialRecord], audit: Sequence[TrialRecord]) -> str:
    """Returns what came out of an audit; the arguments are those of `count_audit`."""
    counts = count_audit(search, searched, audit)
    failed = f" ({counts.n_failed} failed)" if counts.n_failed else ""
    share = f"{counts.n_known} of {counts.n_pruned} pruned trials trained to their end{failed}"
    return f"Audited: {share}; {counts.n_won} of {counts.n_compared} would have beaten the incumbent of their moment."


def _ends(audit: Sequence[TrialRecord]) -> Mapping[int, TrialRecord]:
    """Returns the trials of an audit that ended as their training does, by the number of the trial they repeat."""
    is_whole = [trial.state == COMPLETE or trial.reason == Reason.DIVERGED.value for trial in audit]
    return {int(trial.facts[SEARCHED]): trial for trial, whole in zip(audit, is_whole, strict=True) if whole}


def _is_better(search: StudyRecord, trial: TrialRecord, incumbent: TrialRecord) -> bool:
    """Returns whether an audited trial is better than `incumbent`; one that diverged never is."""
    if trial.value is None or incumbent.value is None:
        return False
    return search.sign * trial.value < search.sign * incumbent.value
