"""Confirmation: the best configurations of a search, trained again with fresh seeds.

A study of its own beside the search, so that neither its budget nor its sampler sees it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from statistics import fmean, stdev

from hpo.contracts.records import COMPLETE, REPETITION, SEARCHED, StudyRecord, TrialRecord
from hpo.study.honest import confirmed_number
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
        self._seen = {trial.number: trial.value or 0.0 for trial in chosen}

    def to_keep(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> list[int]:
        return to_test(study, trials, self.sampler.wanted)

    @property
    def chooses_for(self) -> str:
        return self.searched.name

    def honest(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> Mapping[str, float]:
        """Returns the mean of the chosen configuration's retrainings that did not choose it."""
        groups = _groups(_counted(trials, self.sampler.wanted))
        group = _best(study, groups)
        fresh = [trial for trial in group if len(groups) == 1 or _replicate(trial).repetition >= n_choosing(groups)]
        if not (values := _values(fresh)):
            return {}
        searched = _replicate(group[0]).searched
        return confirmed_number(self._seen[searched], searched, values)

    def successor(self, study: StudyRecord, trials: Sequence[TrialRecord], *, n_workers: int) -> Role | None:
        return self._audit

    def sum_up(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> str:
        return confirmed_sentence(study, trials, self.sampler.wanted)


def to_test(study: StudyRecord, trials: Sequence[TrialRecord], wanted: Collection[Replicate]) -> list[int]:
    """Returns the retrainings of the configuration that half of them choose by their mean; one that failed comes last.

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
    return _best(study, _groups(trials))


def n_choosing(groups: Sequence[Sequence[TrialRecord]]) -> int:
    """Returns how many repetitions of each configuration choose among them: half; the others say what it is worth."""
    return max(1, max((_replicate(trial).repetition + 1 for group in groups for trial in group), default=1) // 2)


def _groups(trials: Sequence[TrialRecord]) -> list[list[TrialRecord]]:
    """Returns finished retrainings by the configuration that they repeat."""
    groups: dict[int, list[TrialRecord]] = {}
    for trial in trials:
        groups.setdefault(_replicate(trial).searched, []).append(trial)
    return list(groups.values())


def _best(study: StudyRecord, groups: Sequence[list[TrialRecord]]) -> list[TrialRecord]:
    half = n_choosing(groups)
    return min(groups, key=lambda group: _rank(study, group, half), default=[])


def _counted(trials: Sequence[TrialRecord], wanted: Collection[Replicate]) -> list[TrialRecord]:
    return [trial for trial in trials if trial.is_finished and _replicate(trial) in wanted]


def _rank(study: StudyRecord, group: Sequence[TrialRecord], n_choosing: int) -> tuple[int, float, int]:
    n_failed = len(group) - len(_values(group))
    values = _values([trial for trial in group if _replicate(trial).repetition < n_choosing])
    return (n_failed, study.sign * fmean(values) if values else 0.0, _replicate(group[0]).searched)


def _values(group: Sequence[TrialRecord]) -> list[float]:
    return [trial.value for trial in group if trial.state == COMPLETE and trial.value is not None]


def _replicate(trial: TrialRecord) -> Replicate:
    """Returns what a finished trial of a confirmation repeats."""
    return Replicate(int(trial.facts[SEARCHED]), int(trial.facts[REPETITION]))
