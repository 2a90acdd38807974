"""Confirmation: the best configurations of a search, trained again with fresh seeds.

A study of its own beside the search, so that neither its budget nor its sampler sees it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from hpo.config.search import ParamValue
from hpo.contracts.records import COMPLETE, REPETITION, SEARCHED, StudyRecord, TrialRecord
from hpo.contracts.seeds import derive_seed
from hpo.search.samplers import Ledger

REPLICATE = "hpo:replicate"  # system attribute: which configuration a trial repeats, for the how-manieth time


def confirmation_name(study: str) -> str:
    """Returns the name of the study that confirms `study`."""
    return f"{study}-confirm"


def chosen_trials(study: StudyRecord, trials: Sequence[TrialRecord], *, top_k: int) -> list[TrialRecord]:
    """Returns the `top_k` best complete trials with different params, the best first (the earliest on ties)."""
    different: dict[str, TrialRecord] = {}
    for trial in study.ranked(trials):
        different.setdefault(json.dumps(dict(sorted(trial.params.items()))), trial)
    return list(different.values())[:top_k]


@dataclass(frozen=True)
class Replicate:
    """One retraining: the trial of the search whose params it has, and the number of the repetition from 0."""

    searched: int
    repetition: int


class ReplicateSampler(Ledger):
    """Proposes the params of each chosen trial, `n_seeds` times each; every repetition once."""

    def __init__(self, chosen: Sequence[TrialRecord], n_seeds: int, seed: int) -> None:
        self._params = {trial.number: trial.params for trial in chosen}
        self._wanted = [Replicate(trial.number, i) for trial in chosen for i in range(n_seeds)]
        self._seed = seed
        self._given: dict[int, Replicate] = {}

    @property
    def wanted(self) -> frozenset[Replicate]:
        """All retrainings that are asked for now; the study may hold others from before it went on."""
        return frozenset(self._wanted)

    def n_left(self, trials: Sequence[FrozenTrial]) -> int:
        return len(self._open(trials))

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        noted = trial.system_attrs.get(REPLICATE)
        if noted is None:
            others = self.others(study, trial)
            self._given[trial.number] = self._open(others)[0]
            given = self._given[trial.number]
            study._storage.set_trial_system_attr(trial._trial_id, REPLICATE, [given.searched, given.repetition])
        else:
            self._given[trial.number] = Replicate(*noted)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        return self._params[self._given[trial.number].searched][param_name]

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, ParamValue]:
        return {}

    def seed_of(self, number: int) -> int:
        """Returns the seed of trial `number`: the same for the same repetition in every study with this seed."""
        return derive_seed(self._seed, "confirm", self._given[number].repetition)

    def facts_of(self, number: int) -> dict[str, str]:
        """Returns what the record says of trial `number`."""
        given = self._given[number]
        return {SEARCHED: str(given.searched), REPETITION: str(given.repetition)}

    def _open(self, trials: Sequence[FrozenTrial]) -> list[Replicate]:
        taken = {Replicate(*trial.system_attrs[REPLICATE]) for trial in trials if REPLICATE in trial.system_attrs}
        return [replicate for replicate in self._wanted if replicate not in taken]


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
