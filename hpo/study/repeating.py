"""A study beside a search that trains some of its trials again, so that neither its budget nor its sampler sees it.

Which trials, and what comes of it, is for `confirmation` and `audit` to say.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import ClassVar

import optuna
from optuna.trial import FrozenTrial

from hpo.config.schema import ModelConfig, StopConfig
from hpo.config.search import ParamValue
from hpo.contracts.records import REPETITION, SEARCHED, Budget, StudyRecord, TrialRecord
from hpo.contracts.seeds import derive_seed
from hpo.search.pruners import NoPrunerConfig
from hpo.search.samplers import Ledger
from hpo.study.role import Role

REPLICATE = "hpo:replicate"  # system attribute: which configuration a trial repeats, for the how-manieth time


@dataclass(frozen=True)
class Replicate:
    """One retraining: the trial of the search whose params it has, and the number of the repetition from 0."""

    searched: int
    repetition: int


class ReplicateSampler(Ledger):
    """Proposes the params of each chosen trial, `n_seeds` times each; every repetition once."""

    key = REPLICATE

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
        self._given[trial.number] = Replicate(*self.propose(study, trial))

    def choose(self, study: optuna.Study, trial: FrozenTrial, others: Sequence[FrozenTrial]) -> list[int]:
        return list(astuple(self._open(others)[0]))

    def params_of(self, proposal: list[int]) -> Mapping[str, ParamValue]:
        return self._params[Replicate(*proposal).searched]

    def seed_of(self, number: int) -> int:
        """Returns the seed of trial `number`: the same for the same repetition in every study with this seed."""
        return derive_seed(self._seed, "confirm", self._given[number].repetition)

    def facts_of(self, number: int) -> dict[str, str]:
        """Returns what the record says of trial `number`."""
        replicate = self._given[number]
        return {SEARCHED: str(replicate.searched), REPETITION: str(replicate.repetition)}

    def _open(self, trials: Sequence[FrozenTrial]) -> list[Replicate]:
        taken = {Replicate(*proposal) for proposal in self.proposals(trials)}
        return [replicate for replicate in self._wanted if replicate not in taken]


class Repeating(Role):
    """Trains trials of a search again: no pruner, no budget, all workers.

    Attributes:
        kind: What the record calls it.
        verb: The tag that names the search.
        suffix: What its name has behind that of the search.
        off: The setting without it.
        searched: What is written down of the search.

    Args:
        search: The search.
        study: What is written down of it.
        sampler: Proposes which trials are trained again.
        n_workers: Trials at once.
    """

    kind: ClassVar[str]
    verb: ClassVar[str]
    suffix: ClassVar[str]
    off: ClassVar[str]

    def __init__(self, search: Role, study: StudyRecord, sampler: ReplicateSampler, *, n_workers: int) -> None:
        self.name, self.folder = f"{study.name}{self.suffix}", Path(f"{study.folder}{self.suffix}")
        study_config = replace(search.config.study, stop=StopConfig())
        self.config = replace(search.config, study=study_config, pruner=NoPrunerConfig(same_epochs=False))
        self.space, self.corpus = search.space, search.corpus
        self.sampler: ReplicateSampler = sampler
        self.budget, self.n_concurrent = Budget(), n_workers
        self._search = search
        self.searched = study

    def new_record(self, *, now_ms: int) -> tuple[StudyRecord, dict[str, str]]:
        searched = self.searched
        study = replace(
            searched,
            name=self.name,
            uid=uuid.uuid4().hex,
            tags={**searched.tags, "role": self.kind, self.verb: searched.name, "pruner": "none"},
            folder=str(self.folder),
            created_ms=now_ms,
            test={},
            honest={},
        )
        return study, {"role": self.kind}

    def seed_of(self, number: int) -> int:
        return self.sampler.seed_of(number)

    def facts_of(self, number: int) -> Mapping[str, str]:
        return self.sampler.facts_of(number)

    def encoders_of(self, model: ModelConfig) -> tuple[str, str]:
        return self._search.encoders_of(model)
