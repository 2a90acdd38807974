"""The application's settings: one dataclass per section, one subclass per option.

Types only. Values live in conf/*.yaml; composing them is `compose`'s job.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from hpo.config.limits import MAX_SEED, MISSING, count, setting, share
from hpo.config.metric import Direction as Direction
from hpo.config.registry import Option, option
from hpo.config.search import PrunerConfig, SamplerConfig, SpaceConfig
from hpo.config.study import StopConfig as StopConfig
from hpo.config.study import StudyConfig, TrialConfig
from hpo.config.training import EncoderConfig
from hpo.config.training import TrainConfig as TrainConfig
from hpo.config.training import TrainerConfig as TrainerConfig

SECTIONS = ("model", "train", "params")  # what a space may set


def quiet(_done: int, _total: int) -> None:
    """Says nothing of a download."""


class Tokenizer(Enum):
    """What makes tokens of texts; `auto` is one of the others, chosen by the texts."""

    auto = "auto"
    spacy = "spacy"
    unicode = "unicode"
    words = "words"


class Keep(Enum):
    """Which tokens of a text longer than `max_tokens` are kept."""

    head = "head"
    tail = "tail"
    both = "both"


class Empty(Enum):
    """What becomes of texts without a character that is seen."""

    refuse = "refuse"
    drop = "drop"


LinearBaseline = Enum("LinearBaseline", ["linear", "none"])  # what results are held against


class Labels(Enum):
    """What becomes of labels that look like slips: they are refused, or mended and said."""

    strict = "strict"
    clean = "clean"


@dataclass
class DataConfig(Option):
    """Texts with labels, and how they become token ids."""

    name: str = MISSING
    labels: Labels = Labels.strict
    tokenizer: Tokenizer = MISSING
    min_freq: int = count()
    max_vocab: int = setting(low=10)
    max_tokens: int | None = setting(None, low=4)
    keep: Keep = MISSING
    empty: Empty = Empty.refuse
    train_fraction: float = setting(above=0, high=1)
    valid: float = share()
    split_seed: int = setting(low=0, high=MAX_SEED)
    cache: str = MISSING
    baseline: LinearBaseline = LinearBaseline.linear

    @property
    def test(self) -> float:
        """The share of the texts that are the test part, where the source does not bring one, as by default."""
        return self.valid

    @property
    def subject(self) -> str:
        """What studies of it are about; "" if there is nothing but the option's name to say."""
        return ""

    @abstractmethod
    def open(self, on_download: Callable[[int, int], None] = quiet) -> Any:
        """Returns a `data.sources.Source`; nothing is read yet.

        Args:
            on_download: Called with (done, total) while something has to be downloaded first.

        Raises:
            ValueError: If a package or a setting is not what it must be.
            FileNotFoundError: If a path is not there.
        """

    def open_unlabelled(self) -> Any:
        """Returns a `data.sources.Source` of the texts without labels that come with the data; None: there are none."""
        return None


ModelLog = Enum("ModelLog", ["best", "all", "none"])  # which models of a study MLflow is to have


@option("model", "awd_lstm")
@dataclass
class ModelConfig(Option):
    """Sizes of an AWD-LSTM; `emb_sz: null` ties it to half of n_hid, at most 400.

    `encoder` is what its body starts from: scratch, wt103, domain, or the folder of an encoder. `bidir` makes it two,
    one of which reads texts backwards. `log` changes nothing.
    """

    drop_mult: float = setting(low=0, below=2)
    n_hid: int = count()
    emb_sz: int | None = count(None)
    n_layers: int = count()
    encoder: str = MISSING
    bidir: bool = False
    log: ModelLog = MISSING


@dataclass
class StorageConfig(Option):
    """Where the record lives, and in which folder its studies have theirs.

    Attributes:
        is_kept: Whether the record outlives the command.
        is_shared: Whether it is reached from other machines, too, which its folders need not be.
        place: The setting that says where it is, as it may be shown; "" where there is none.
        description: Where it is, for people.
        settings: What a command must be told, beside its defaults, to find it.
        file: The file that holds it; None where it is in none.
    """

    folder: str = MISSING

    is_kept = True
    is_shared = False

    @property
    def place(self) -> str:
        return ""

    @property
    def description(self) -> str:
        return f"in memory, gone now (storage={self.option})"

    @property
    def settings(self) -> Mapping[str, str]:
        return {}

    @property
    def file(self) -> Path | None:
        return None

    @property
    def beside(self) -> Path:
        """Beside what the folder of the studies lies."""
        return self.file.parent if self.file else Path()

    @abstractmethod
    def open(self, *, must_exist: bool = False) -> Any:
        """Returns an `optuna.storages.BaseStorage`; the record is created if it may be, and is not there yet.

        Raises:
            ValueError: if it cannot be used, or must exist and does not.
        """

    def check_claims(self, studies: Collection[str]) -> None:
        """Refuses studies that a driver on another machine holds; creates nothing.

        Raises:
            StudyHeld: naming the holder.
            ValueError: if the record cannot be reached.
        """


@dataclass
class TrackingConfig(Option):
    """Who is shown the record.

    Attributes:
        is_shown: Whether anybody is.
        uri: Where; "" where nobody is.
        experiment: The name that studies are shown under, where one is given.
        flush_timeout_s: How long the end of a study may wait until all of it is shown.
    """

    is_shown = False

    @property
    def uri(self) -> str:
        return ""

    @property
    def experiment(self) -> str | None:
        return None

    @property
    def flush_timeout_s(self) -> float:
        return 0.0

    @abstractmethod
    def build(self, spaces: Mapping[str, Any]) -> Any:
        """Returns a `tracking.tracker.Tracker`; `spaces` are the distributions of each study, for its plots.

        Raises:
            ValueError: if nothing can be shown at `uri`.
        """

    def check(self, storage: StorageConfig) -> None:
        """Refuses a place where nothing can be shown, and the record's own.

        Raises:
            ValueError: in one sentence.
        """

    def check_unshared(self) -> None:
        """Refuses a database that is the record's, by what is in it.

        Raises:
            ValueError: saying so.
        """


@dataclass
class ExecutorConfig(Option):
    """What executes trials.

    Attributes:
        is_shared: Whether several studies can run on one; a simulated clock is one study's own.
    """

    device: str = MISSING
    threads: int = count()

    is_shared = True

    @abstractmethod
    def count_workers(self) -> int:
        """Returns how many trials of a study run at once: as asked, else as many as there is room for.

        There is room for one on each core, or, where there are GPUs, on each share of one; simulated is one.

        Raises:
            ValueError: if there is no room for so many.
        """

    def check(self, trainer: TrainerConfig) -> None:
        """Refuses what cannot run here: a package that is not installed, a device that is not there.

        Raises:
            ValueError: naming what may be given.
        """

    @abstractmethod
    def build(self, trainer: TrainerConfig, stop: Any = None) -> Any:
        """Returns a `contracts.executor.Executor`; its workers start with the first job.

        Args:
            trainer: What trains the trials.
            stop: The `StopRequest` that jobs which run in this very process ask whether they must pause.
        """


@dataclass
class Config:
    """Everything `hpo` was told."""

    seed: int = setting(low=0, high=MAX_SEED)
    study: StudyConfig = field(default_factory=StudyConfig)
    trial: TrialConfig = field(default_factory=TrialConfig)
    space: SpaceConfig = field(default_factory=SpaceConfig)
    sampler: SamplerConfig = MISSING
    pruner: PrunerConfig = MISSING
    data: DataConfig = MISSING
    model: ModelConfig = MISSING
    encoder: EncoderConfig = MISSING
    train: TrainConfig = MISSING
    params: dict[str, Any] = field(default_factory=dict)
    trainer: TrainerConfig = MISSING
    storage: StorageConfig = MISSING
    tracking: TrackingConfig = MISSING
    executor: ExecutorConfig = MISSING
