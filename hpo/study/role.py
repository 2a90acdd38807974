"""What a study is for, and what its driver is to do for it: the contract of `search`, `confirmation` and `audit`.

`opening` makes a driver of a role, `driver` acts on it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from optuna.samplers import BaseSampler

from hpo.artifacts.folders import trial_folder
from hpo.artifacts.remote import remote_trial
from hpo.config.schema import Config, ModelConfig, ModelLog
from hpo.contracts.records import Budget, StudyRecord, TrialRecord
from hpo.contracts.trainer import TrialRequest
from hpo.space.apply import apply_params
from hpo.space.space import Space


class Role(ABC):
    """What one study is for.

    Attributes:
        name, folder: Those of the study.
        config: Its settings.
        space: What is searched.
        sampler: Proposes its trials.
        budget: Its total.
        n_concurrent: Its trials at once.
        corpus: Folder of the prepared corpus; None for trainers that read no data.
        keeps_weights: Which trials keep their weights: none, the incumbent, or all, so that any can be tested.
        design: The registered design to keep with it; None outside comparisons.
        learns_from: Earlier studies whose trials its sampler sees.
    """

    name: str
    folder: Path
    config: Config
    space: Space
    sampler: BaseSampler
    budget: Budget
    n_concurrent: int
    corpus: Path | None
    keeps_weights: Literal["none", "best", "all"]
    design: Mapping[str, object] | None = None
    learns_from: Sequence[str] = ()

    @abstractmethod
    def new_record(self, *, now_ms: int) -> tuple[StudyRecord, dict[str, str]]:
        """Returns what is written down of the study when it is new, and its fingerprint."""

    @abstractmethod
    def seed_of(self, number: int) -> int:
        """Returns the seed of trial `number`."""

    @abstractmethod
    def encoders_of(self, model: ModelConfig) -> tuple[str, str]:
        """Returns the folders of the forward and the backward encoder a network starts from; "" for initial weights."""

    def facts_of(self, number: int) -> Mapping[str, str]:
        """Returns what the record says of trial `number` beside what its trainer says."""
        return {}

    def to_test(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> list[int]:
        """Returns which of the study's trials are tested at the end."""
        return self.to_keep(study, trials) if self.config.study.test else []

    def to_keep(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> list[int]:
        """Returns which of the study's trials the model may be; the best of them is."""
        return []

    @property
    def chooses_for(self) -> str:
        """The name of the study whose model its trials may become."""
        return self.name

    def successor(self, study: StudyRecord, trials: Sequence[TrialRecord], *, n_workers: int) -> Role | None:
        """Returns what follows the study once it is done, on all `n_workers` of the executor; None if nothing does."""
        return None

    def honest(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> Mapping[str, float]:
        """Returns what the chosen configuration is worth, for whose study it is to be kept; {} if nothing says it."""
        return {}

    def sum_up(self, study: StudyRecord, trials: Sequence[TrialRecord]) -> str:
        """Returns a sentence on what came of it, for those that have one."""
        return ""

    def horizon(self, turn: int) -> int | None:
        """Returns the last turn whose result counts for `turn`, when results come in order."""
        return turn - self.n_concurrent if self.config.study.ordered else None

    def planned_epochs(self, trial: TrialRecord) -> int:
        return int(trial.params.get("train.epochs") or self.config.train.epochs)

    def due_epochs(self, trial: TrialRecord) -> int:
        """Returns the epochs after which `trial` pauses or ends."""
        return (trial.legs[-1].until if trial.legs else None) or self.planned_epochs(trial)

    def request(self, study: StudyRecord, trial: TrialRecord) -> TrialRequest:
        """Returns what a worker needs to run `trial`."""
        config = apply_params(self.config, trial.params)
        encoder, backward_encoder = self.encoders_of(config.model)
        return TrialRequest(
            number=trial.number,
            attempt=trial.attempt,
            params=trial.params,
            model=replace(config.model, log=ModelLog.none),  # it decides nothing of a training
            train=config.train,
            trainer=config.trainer,
            corpus=str(self.corpus or ""),
            seed=trial.seed,
            device=config.executor.device,
            threads=config.executor.threads,
            folder=str(trial_folder(Path(study.folder), trial.number)),
            encoder=encoder,
            backward_encoder=backward_encoder,
            remote=remote_trial(config.storage, study, trial.number),
            arguments=config.params,
            metric=config.study.metric,
            positive=config.study.positive or "",
        )
