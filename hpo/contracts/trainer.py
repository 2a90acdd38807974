"""The contract between a training and whoever carries it out: request in, one report per epoch, result out.

No trainer lives here; nothing here knows Optuna, MLflow, Hydra or an executor.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from hpo.config.metric import OTHERS
from hpo.config.schema import ModelConfig, TrainConfig, TrainerConfig
from hpo.config.search import ParamValue
from hpo.config.training import ClassWeights, EncoderConfig, Sizes
from hpo.machine.signals import MustPause, never


class Decision(Enum):
    """What a trial is told after an epoch."""

    CONTINUE = "continue"
    STOP = "stop"
    PAUSE = "pause"


class Reason(Enum):
    """Why a trial failed. The text is what the record and MLflow show."""

    DIVERGED = "diverged"
    OOM = "oom"
    ERROR = "error"
    TIMEOUT = "timeout"
    CRASH_LOOP = "crash-loop"


@dataclass(frozen=True, kw_only=True)
class Request(ABC):
    """What a worker is told of any training; plain data, picklable.

    Attributes:
        number: Its number in its study, or among the encoders of a command, from 0.
        attempt: Which try at it this is, from 1.
        corpus: Folder of the prepared corpus; empty for trainers that read no data.
        seed: Seeds initial weights, data order and dropout.
        device: "cpu", "cuda", "cuda:1"; "auto" is what its worker has.
        threads: Intra-op threads it may use.
        folder: Its own folder, for checkpoints and the final weights; exists.
        remote: The URL it is kept at, for workers on other machines; empty where they share the folder.
    """

    number: int
    attempt: int
    corpus: str
    seed: int
    device: str
    threads: int
    folder: str
    remote: str = ""

    @property
    @abstractmethod
    def needs_torch(self) -> bool:
        """Whether it is worth looking for a GPU."""

    @property
    @abstractmethod
    def prepared(self) -> list[str]:
        """The folders that it reads, each written once and named after its content."""

    @abstractmethod
    def identity(self) -> list[object]:
        """Returns whatever changes the metrics of this training; where it runs does not."""


@dataclass(frozen=True, kw_only=True)
class TrialRequest(Request):
    """Everything a worker needs to run one trial.

    Attributes:
        params: The searched values by config path, already applied to `model` and `train`.
        model: Sizes of the network.
        train: How it is trained; `train.epochs` is the fidelity of this trial.
        trainer: Options of the trainer that is asked.
        encoder: Folder of the encoder its body starts from; empty for initial weights.
        backward_encoder: The same of its backward classifier, if it has one.
        arguments: What a user's own function is called with: the section `params`, `params` applied.
        metric: What the study optimises.
        positive: The class that this is about; empty where none is named.
    """

    params: Mapping[str, ParamValue]
    model: ModelConfig
    train: TrainConfig
    trainer: TrainerConfig
    encoder: str = ""
    backward_encoder: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    metric: str = ""
    positive: str = ""

    @property
    def encoders(self) -> list[str]:
        """The folders of its encoders."""
        return [folder for folder in (self.encoder, self.backward_encoder) if folder]

    @property
    def prepared(self) -> list[str]:
        return [folder for folder in (self.corpus, *self.encoders) if folder]

    @property
    def needs_torch(self) -> bool:
        return self.trainer.needs_torch

    def identity(self) -> list[object]:
        model, train, trainer = (asdict(part) for part in (self.model, self.train, self.trainer))
        del model["encoder"]  # the files behind it are named after their content, and below
        trainer.pop("path", None)  # what was moved is the same: it is told by its hash
        names = [Path(folder).name for folder in (self.corpus, *self.encoders)]
        more: list[object] = [self.arguments] if self.arguments else []
        if self.metric in OTHERS or self.positive:
            more.append([self.metric, self.positive])
        if self.train.class_weights is ClassWeights.none:
            del train["class_weights"]  # trainings that began before there were any go on
        return [self.params, model, train, trainer, *more, self.seed, *names]


@dataclass(frozen=True, kw_only=True)
class EncoderRequest(Request):
    """Everything a worker needs to train one encoder, the language model that trials start from.

    Attributes:
        sizes: Those of its body.
        train: How it is trained.
        start: Folder of the encoder it begins with; empty for initial weights.
        more_texts: Folder of prepared texts without labels; empty if there are none.
    """

    sizes: Sizes
    train: EncoderConfig
    start: str = ""
    more_texts: str = ""

    @property
    def prepared(self) -> list[str]:
        return [folder for folder in (self.corpus, self.start, self.more_texts) if folder]

    @property
    def needs_torch(self) -> bool:
        return True

    def identity(self) -> list[object]:
        names = [Path(folder).name for folder in (self.corpus, self.start, self.more_texts)]
        return [asdict(self.sizes), asdict(self.train), self.seed, *names]


@dataclass(frozen=True)
class EpochReport:
    """What one epoch measured.

    Attributes:
        epoch: Epochs done so far through all fits of the trial, so 1 after the first.
        metrics: train_loss, valid_loss, accuracy, macro_f1 (means over the part), the study's metric, seconds,
            tokens_per_s, peak_mb. Finite numbers only.
    """

    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended.

    Attributes:
        n_epochs: Epochs done.
        stopped: True when it ended because it was told to stop.
        paused: True when it was asked to pause: it stands at a checkpoint and is to be continued.
        obstacle: What has to be mended before a paused trial can go on: a sentence, "" when nothing has.
        reason: Set when the trial failed.
        error: A sentence or a traceback beside `reason`.
        facts: What was really used: device, precision, threads, n_params, resumed_from.
        test: Test metrics, when a test was asked for.
    """

    n_epochs: int
    stopped: bool = False
    paused: bool = False
    obstacle: str = ""
    reason: Reason | None = None
    error: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)


OnEpoch = Callable[[EpochReport], Decision]


class Trainer(Protocol):
    """Trains one trial at a time. A call is repeatable: same request, same metrics."""

    def train(self, request: TrialRequest, on_epoch: OnEpoch, must_pause: MustPause = never) -> TrialResult:
        """Trains `request.train.epochs` epochs, calling `on_epoch` after each and `must_pause` after each batch.

        Leaves the final weights in `request.folder`, continues from a checkpoint found there
        (all epochs of which are reported again, in order, as their reports may have been lost), and returns
        within one batch of being told to stop. Told to pause, it returns at once: the checkpoint of the epoch is
        there. Once it must pause it finishes the batch, leaves a checkpoint there and returns; trainings of a few
        milliseconds may go on to their end. Divergence and lack of
        memory are returned as a `reason`; any other exception may be raised.
        """
        ...

    def test(self, request: TrialRequest) -> dict[str, float]:
        """Returns the test metrics of the weights `train` left in `request.folder`.

        Keys: test_loss, test_accuracy, test_macro_f1, the other metrics that are defined, n_test, and what a baseline
        scores on the same texts, if there is one: test_baseline_loss and so on. The only reader of the test part.

        Raises:
            FileNotFoundError: if no weights are there.
        """
        ...
