"""Settings of trainings: of trials, `train`, of the language models before them, `encoder`; what a trainer answers.

Types only, like `schema`, of which it is a part; values live in conf/train and conf/encoder.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Self

from hpo.config.limits import MAX_SEED, MISSING, count, setting, share
from hpo.config.metric import KNOWN
from hpo.config.registry import Option, option

SCRATCH, WT103, DOMAIN = "scratch", "wt103", "domain"  # what model.encoder may be, beside the folder of an encoder


class Precision(Enum):
    fp32 = "fp32"
    bf16 = "bf16"
    fp16 = "fp16"


class Start(Enum):
    """What a language model begins with."""

    scratch = "scratch"
    wt103 = "wt103"


@dataclass
class TrainerConfig(Option):
    """What turns params into metrics.

    Attributes:
        reads_texts: Whether it trains on the texts of the section `data`.
        needs_torch: Whether a GPU is worth looking for.
        is_recorded: Whether it looks its curves up: trained once, each trial is what it is, and leaves nothing.
        is_simulated: Whether it knows its curves without training, so that its time need not pass.
        has_test: Whether it can test what it trained.
        metrics: What it measures that can be optimised; empty where that turns out in the first epoch.
        divergence_loss: The largest loss that is still taken for training.
    """

    reads_texts = False
    needs_torch = False
    is_recorded = False
    is_simulated = False
    has_test = True
    metrics: ClassVar[tuple[str, ...]] = tuple(KNOWN)
    divergence_loss = math.inf

    @property
    def subject(self) -> str:
        """What studies with it are about, where it says so itself."""
        return ""

    def settled(self) -> Self:
        """Returns these settings with what they leave open, as the record is to note it.

        Raises:
            ValueError: in a sentence, if what they name cannot be used.
        """
        return self

    def check(self, config: Any, space: Any) -> None:
        """Refuses what does not go with it, given the whole `schema.Config` and the `space.space.Space`.

        Raises:
            ValueError: in a sentence.
        """
        for path in (f"params.{name}" for name in (*config.space.params, *config.params)):
            raise ValueError(f"{path} is an argument of a function of yours; choose trainer=function, or leave it out.")

    def preload(self) -> None:
        """Imports what trainings need, so that no trial waits for it."""

    @abstractmethod
    def build(self) -> Any:
        """Returns a `contracts.trainer.Trainer`, in the process that trains."""

    def keep(self, folder: Path, target: Path, made: Mapping[str, object]) -> None:
        """Lays out in `target` what a trial left in `folder` that is no model of ours, with what it is."""

    def seconds(self, reported: float) -> float:
        """Returns what an epoch takes in simulated time, if it reports that it took `reported`."""
        return reported

    def without_waiting(self) -> TrainerConfig:
        """Returns what trains alike in simulated time, without letting time pass."""
        return self


@dataclass(frozen=True)
class Sizes:
    """The sizes of the body of a network."""

    emb_sz: int
    n_hid: int
    n_layers: int

    def __str__(self) -> str:
        return f"{self.emb_sz}-{self.n_hid}x{self.n_layers}"

    @property
    def as_overrides(self) -> str:
        return f"model.emb_sz={self.emb_sz} model.n_hid={self.n_hid} model.n_layers={self.n_layers}"


@option("encoder", "default")
@dataclass
class EncoderConfig(Option):
    """How `model.encoder=domain` trains a language model on the texts; `lr` is the peak of one cycle.

    `backward` asks for one that reads the texts backwards, too; of a single encoder it says that it is that one.
    """

    start: Start = MISSING
    epochs: int = count()
    lr: float = setting(above=0)
    batch_size: int = count()
    bptt: int = setting(low=2)
    drop_mult: float = setting(low=0, below=4)
    weight_decay: float = setting(low=0)
    valid: float = share()
    use_all_texts: bool = MISSING
    precision: Precision = MISSING
    seed: int = setting(low=0, high=MAX_SEED)
    backward: bool = False


class Schedule(Enum):
    flat = "flat"
    one_cycle = "one_cycle"
    slanted = "slanted"
    fine_tune = "fine_tune"


ANY_LR = (1e-6, 1.0)  # the bounds of a learning rate that moves and is not searched


class LrAdapt(Enum):
    """What moves the learning rate while a trial trains: nothing, the gradient of the validation loss, or Prodigy."""

    none = "none"
    hypergradient = "hypergradient"
    prodigy = "prodigy"


class ClassWeights(Enum):
    """What a text counts in the training loss: balanced makes up for classes that have few."""

    none = "none"
    balanced = "balanced"


class Unfreeze(Enum):
    """In which order the layers of a classifier begin to learn: all at once, one by one from the head, or in two."""

    all = "all"
    gradual = "gradual"
    fine_tune = "fine_tune"


@option("train", "default")
@dataclass
class TrainConfig(Option):
    """How one trial trains. `lr` is the peak of the schedule, `epochs` its length.

    By a hypergradient the rate moves within `lr_bounds`, from `lr` on, and `model.drop_mult` within `drop_bounds`.
    Prodigy finds a rate by itself, and `lr` is the share of it that is taken: 1.

    Null is what ULMFiT does, `unfreeze` gradual and `lr_decay` 2.6, where the encoder knows Wikipedia, else all and 1.
    """

    lr: float = setting(above=0)
    epochs: int = count()
    batch_size: int = setting(low=2)
    weight_decay: float = setting(low=0)
    schedule: Schedule = MISSING
    freeze_epochs: int = setting(low=0)
    bptt: int = setting(low=2)
    max_len: int = setting(low=2)
    precision: Precision = MISSING
    unfreeze: Unfreeze | None = None
    lr_decay: float | None = setting(None, low=1, high=100)
    class_weights: ClassWeights = ClassWeights.none
    lr_adapt: LrAdapt = LrAdapt.none
    lr_bounds: list[float] | None = None
    drop_bounds: list[float] | None = None
    hyper_every: int = count(5)
    hyper_rate: float = setting(0.1, low=0, high=1)
