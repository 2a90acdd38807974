"""Confirmation: the best configurations of a search, trained again with fresh seeds.

A study of its own beside the search, so that neither its budget nor its sampler sees it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from statistics import fmean, stdev

from hpo.contracts.records import COMPLETE, REPETITION, SEARCHED, StudyRecord, TrialRecord
from hpo.study.repeating import Repeating, Replicate, ReplicateSampler
from hpo.study.role import Role


def confirmation_name(study: str) -> str:
    """Returns the name of the study that confirms `study`."""
    return study + Confirmation.suffix


def chosen_trials(study: StudyRecord, trials: Sequence[TrialRecord], *, top_k: int) -> list[TrialRecord]:
    """Returns the `top_k` best complete trials with different params, the best first (the earliest on ties)."""
    different: dict[str, TrialRecord] = {}
    for trial in study.ranked(trials):
        different.setdefault(json.dumps(dict(sorted(trial.params.items()))), trial)
    return list(different.values())[:top_k]


class Confirmation(Repeating):
    """Retrains the best configurations of a search, and tests the one with the best mean.

    Args:
        search, study: The search and what is written down of it.
        chosen: The trials of it that are retrained.
        n_workers: Trials at once.
        audit: The audit that follows, if any does.
    """

    kind, verb, suffix, off = "confirmation", "confirms", "-confirm", "study.confirm.top_k=0"
    keeps_weights = "all"

    def __init__(
        self, search: Role, study: StudyRecord, chosen: Sequence[TrialRecord], *, n_workers: int, audit: Role | None
    ) -> None:
        sampler = ReplicateSampler(chosen, search.config.study.confirm.n_seeds, search.config.seed)
        super().__init__(search, study, sampler, n_workers=n_workers)
        self._audit = audit

    def to_keep(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> list[int]:
        return to_test(study, trials, self.sampler.wanted)

    @property
    def chooses_for(self) -> str:
        return self.searched.name

    def successor(self, study: StudyRecord, trials: Sequence[TrialRecord], *, n_workers: int) -> Role | None:
        return self._audit

    def sum_up(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> str:
        return confirmed_sentence(study, trials, self.sampler.wanted)


def to_test(study: StudyRecord, trials: Sequence[TrialRecord], wanted: Collection[Replicate]) -> list[int]:
    """Returns the retrainings of the configuration with the best mean; one that failed at all comes last.

    Args:
        study: The confirmation.
        trials: Its trials, which may be of earlier choices, too.
        wanted: The retrainings that count.
    """
    return [trial.number for trial in best_group(study, _counted(trials, wanted)) if trial.state == COMPLETE]


def confirmed_sentence(study: StudyRecord, trials: Sequence[TrialRecord], wanted: Collection[Replicate]) -> str:
    """Returns what came out of a confirmation: which trial of the search, its mean over fresh seeds, its test.

    Args:
        study: The confirmation, with its test metrics if there are any.
        trials: Its trials.
        wanted: The retrainings that count.
    """
    group = best_group(study, _counted(trials, wanted))
    values = _values(group)
    if not values:
        return f"No retraining of the best trials of {study.tags['confirms']} was completed."
    spread = f" (standard deviation {stdev(values):.2g})" if len(values) > 1 else ""
    test = f", {study.test_metric} {study.test[study.test_metric]:.4f}" if study.test_metric in study.test else ""
    seeds = "a fresh seed" if len(values) == 1 else f"{len(values)} fresh seeds"
    return (
        f"Confirmed: trial {_replicate(group[0]).searched} trained again with {seeds} has "
        f"{study.metric} {fmean(values):.4f}{spread}{test}."
    )


def best_group(study: StudyRecord, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Returns the retrainings of one configuration, the best, out of finished `trials`; [] if there are none."""
    groups: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        groups.setdefault(_replicate(trial).searched, []).append(trial)
    return min(groups.values(), key=lambda group: _rank(study, group), default=[])


def _counted(trials: Sequence[TrialRecord], wanted: Collection[Replicate]) -> list[TrialRecord]:
    return [trial for trial in trials if trial.is_finished and _replicate(trial) in wanted]


def _rank(study: StudyRecord, group: Sequence[TrialRecord]) -> tuple[int, float, int]:
    values = _values(group)
    n_failed = len(group) - len(values)
    return (n_failed, study.sign * fmean(values) if values else 0.0, _replicate(group[0]).searched)


def _values(group: Sequence[TrialRecord]) -> list[float]:
    return [trial.value for trial in group if trial.state == COMPLETE and trial.value is not None]


def _replicate(trial: TrialRecord) -> Replicate:
    """Returns what a finished trial of a confirmation repeats."""
    return Replicate(int(trial.facts[SEARCHED]), int(trial.facts[REPETITION]))
