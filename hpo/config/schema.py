"""The application's settings: one dataclass per section, one subclass per option.

Types only. Values live in conf/*.yaml; composing them is `compose`'s job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from hpo.config.metric import Direction as Direction
from hpo.config.metric import Metric as Metric
from hpo.config.search import MISSING, PrunerConfig, SamplerConfig, SpaceConfig
from hpo.config.training import EncoderConfig
from hpo.config.training import Precision as Precision
from hpo.config.training import Schedule as Schedule
from hpo.config.training import TrainConfig as TrainConfig
from hpo.config.training import Unfreeze as Unfreeze

SECTIONS = ("model", "train")  # what a space may set


class Tokenizer(Enum):
    spacy = "spacy"
    words = "words"


class Keep(Enum):
    """Which tokens of a text longer than `max_tokens` are kept."""

    head = "head"
    tail = "tail"
    both = "both"


@dataclass
class DataConfig:
    """Texts with labels, and how they become token ids."""

    name: str = MISSING
    tokenizer: Tokenizer = MISSING
    min_freq: int = MISSING
    max_vocab: int = MISSING
    max_tokens: int | None = None
    keep: Keep = MISSING
    train_fraction: float = MISSING
    valid: float = MISSING
    split_seed: int = MISSING
    cache: str = MISSING


@dataclass
class DocstringsConfig(DataConfig):
    packages: list[str] = MISSING
    n_per_class: int = MISSING
    min_words: int = MISSING
    max_words: int = MISSING
    test: float = MISSING


@dataclass
class ImdbConfig(DataConfig):
    path: str | None = None
    encoding: str = MISSING


@dataclass
class FolderConfig(DataConfig):
    path: str = MISSING
    encoding: str = MISSING
    test: float = MISSING


@dataclass
class TableConfig(DataConfig):
    path: str = MISSING
    encoding: str = MISSING
    text_column: str = MISSING
    label_column: str = MISSING
    split_column: str | None = None
    test: float = MISSING


ModelLog = Enum("ModelLog", ["best", "all", "none"])  # which models of a study MLflow is to have


@dataclass
class ModelConfig:
    """Sizes of an AWD-LSTM; `emb_sz: null` ties it to half of n_hid, at most 400.

    `encoder` is what its body starts from: scratch, wt103, domain, or the folder of an encoder. `bidir` makes it two,
    one of which reads texts backwards. `log` changes nothing.
    """

    drop_mult: float = MISSING
    n_hid: int = MISSING
    emb_sz: int | None = None
    n_layers: int = MISSING
    encoder: str = MISSING
    bidir: bool = False
    log: ModelLog = MISSING


@dataclass
class TrainerConfig:
    """What turns params into metrics."""


@dataclass
class AwdLstmConfig(TrainerConfig):
    divergence_loss: float = MISSING


@dataclass
class SyntheticConfig(TrainerConfig):
    noise: float = MISSING
    epoch_s: float = MISSING


@dataclass
class ReplayConfig(TrainerConfig):
    """A table of recorded curves; `card: null` is the YAML file beside it, `sha256: null` whatever they hold."""

    path: str = MISSING
    card: str | None = None
    sha256: str | None = None
    metric: Metric = MISSING


@dataclass
class TrialConfig:
    """Limits and leftovers of one trial."""

    timeout_s: float | None = None
    keep_checkpoints: bool = MISSING


@dataclass
class ConfirmConfig:
    """The best configurations of a search, trained again: the `top_k` best, each with `n_seeds` fresh seeds."""

    top_k: int = MISSING
    n_seeds: int = MISSING


@dataclass
class StudyConfig:
    """A study's name, what it optimises, and its total budget."""

    name: str | None = None
    metric: Metric = MISSING
    n_trials: int | None = None
    timeout_s: float | None = None
    n_epochs: int | None = None
    trials_s: float | None = None
    ordered: bool = MISSING
    confirm: ConfirmConfig = field(default_factory=ConfirmConfig)
    audit: float = MISSING
    test: bool = MISSING


@dataclass
class StorageConfig:
    """Where the record lives."""

    folder: str = MISSING


@dataclass
class SqliteConfig(StorageConfig):
    path: str = MISSING


@dataclass
class PostgresConfig(StorageConfig):
    """`url` says where the address is: env:NAME or file:PATH; or gives it."""

    url: str = MISSING


@dataclass
class MemoryConfig(StorageConfig):
    pass


@dataclass
class TrackingConfig:
    """Who is shown the record."""


@dataclass
class MlflowConfig(TrackingConfig):
    uri: str = MISSING
    experiment: str | None = None
    flush_timeout_s: float = MISSING


@dataclass
class NoTrackingConfig(TrackingConfig):
    pass


class SlurmCluster(Enum):
    slurm = "slurm"
    local = "local"


@dataclass
class ExecutorConfig:
    """What executes trials."""

    device: str = MISSING
    threads: int = MISSING


@dataclass
class InlineConfig(ExecutorConfig):
    pass


@dataclass
class ProcessesConfig(ExecutorConfig):
    n_workers: int | None = None
    trials_per_gpu: int = MISSING


@dataclass
class RayConfig(ExecutorConfig):
    """Actors of a Ray cluster; null: as many as it has room for, a core for each thread, a GPU where there are any."""

    address: str = MISSING
    n_workers: int | None = None
    cpus_per_trial: float | None = None
    gpus_per_trial: float | None = None


@dataclass
class SlurmConfig(ExecutorConfig):
    """Jobs of Slurm; `cluster: local` runs them as processes of this machine."""

    cluster: SlurmCluster = MISSING
    n_workers: int = MISSING
    address: str | None = None
    folder: str = MISSING
    minutes: int = MISSING
    gpus_per_worker: int = MISSING
    mem_gb: float | None = None
    partition: str | None = None
    account: str | None = None
    options: dict[str, str] = field(default_factory=dict)


@dataclass
class SimulatedConfig(ExecutorConfig):
    n_workers: int | None = None


@dataclass
class Config:
    """Everything `python -m hpo` was told."""

    seed: int = MISSING
    study: StudyConfig = field(default_factory=StudyConfig)
    trial: TrialConfig = field(default_factory=TrialConfig)
    space: SpaceConfig = field(default_factory=SpaceConfig)
    sampler: SamplerConfig = MISSING
    pruner: PrunerConfig = MISSING
    data: DataConfig = MISSING
    model: ModelConfig = MISSING
    encoder: EncoderConfig = MISSING
    train: TrainConfig = MISSING
    trainer: TrainerConfig = MISSING
    storage: StorageConfig = MISSING
    tracking: TrackingConfig = MISSING
    executor: ExecutorConfig = MISSING
