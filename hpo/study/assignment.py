"""What one driver is to do, and what it works with and does not own.

Plain data; `session` fills it in, `driver` acts on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from optuna.samplers import BaseSampler

from hpo.artifacts.folders import trial_folder
from hpo.artifacts.remote import remote_trial
from hpo.config.schema import Config, ModelConfig, ModelLog
from hpo.contracts.records import Budget, StudyRecord, TrialRecord
from hpo.contracts.trainer import TrialRequest
from hpo.machine.signals import StopRequest
from hpo.space.apply import apply_params
from hpo.space.space import Space
from hpo.storage.store import StudyStore
from hpo.study.trial_cache import TrialCache
from hpo.terminal.display import Display
from hpo.tracking.tracker import Tracker


@dataclass(frozen=True)
class Assignment:
    """What a driver is to do.

    Attributes:
        config: Settings of the study.
        space: What is searched.
        corpus: Folder of the prepared corpus; None for trainers that read no data.
        budget: The study's total.
        n_concurrent: Trials of this study at once.
        seed_of: The seed of the trial with a number.
        to_test: Which of the finished trials are tested at the end.
        to_keep: Which of the finished trials the study's model may be; the best of them is.
        encoders_of: Folders of the forward and the backward encoder that a network starts from; "" for initial weights.
        facts_of: What the record says of a trial beside what its trainer says.
        keeps_weights: Which trials keep their weights: none, the incumbent, or all, so that any can be tested.
        sum_up: A sentence on what came of it, for those that have one.
    """

    config: Config
    space: Space
    corpus: Path | None
    budget: Budget
    n_concurrent: int
    seed_of: Callable[[int], int]
    to_test: Callable[[Sequence[TrialRecord]], Sequence[int]]
    to_keep: Callable[[Sequence[TrialRecord]], Sequence[int]] = lambda _: []
    encoders_of: Callable[[ModelConfig], tuple[str, str]] = lambda _: ("", "")
    facts_of: Callable[[int], Mapping[str, str]] = lambda _: {}
    keeps_weights: Literal["none", "best", "all"] = "best"
    sum_up: Callable[[StudyRecord, Sequence[TrialRecord]], str] = lambda _study, _trials: ""

    def horizon(self, number: int) -> int | None:
        """Returns the last trial whose end counts for trial `number`, when results come in order."""
        return number - self.n_concurrent if self.config.study.ordered else None

    def planned_epochs(self, trial: TrialRecord) -> int:
        return int(trial.params.get("train.epochs") or self.config.train.epochs)

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
        )


@dataclass(frozen=True)
class Surroundings:
    """What a driver works with and does not own; `now_ms` is the clock its trials run on."""

    store: StudyStore
    sampler: BaseSampler
    tracker: Tracker
    display: Display
    stop: StopRequest
    now_ms: Callable[[], int]
    cache: TrialCache = field(default_factory=lambda: TrialCache(is_on=False))
