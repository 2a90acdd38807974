"""Settings of the search: the space, the samplers, the pruners.

Types only, like `schema`, which holds the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hpo.config.limits import MISSING, count, setting
from hpo.config.registry import Option, option

ParamValue = float | int | str | bool | None


class ParamType(Enum):
    float = "float"
    int = "int"
    categorical = "categorical"


@dataclass
class ParamConfig:
    """One tunable dimension as written in a space file."""

    type: ParamType = MISSING
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    choices: list[Any] | None = None
    levels: list[Any] | None = None
    n_levels: int | None = None
    when: dict[str, Any] = field(default_factory=dict)


@dataclass
class SpaceConfig:
    """All tunable dimensions, keyed by section and then by the name of the field they set."""

    model: dict[str, ParamConfig] = field(default_factory=dict)
    train: dict[str, ParamConfig] = field(default_factory=dict)


@dataclass
class SamplerConfig(Option):
    """Proposes params."""


@option("sampler", "grid")
@dataclass
class GridConfig(SamplerConfig):
    pass


@option("sampler", "random")
@dataclass
class RandomConfig(SamplerConfig):
    pass


@option("sampler", "tpe")
@dataclass
class TPEConfig(SamplerConfig):
    n_startup_trials: int = setting(low=0)
    n_ei_candidates: int = setting(low=1, high=100_000)
    multivariate: bool = MISSING
    constant_liar: bool = MISSING


@dataclass
class PrunerConfig(Option):
    """Stops trials early; `same_epochs` compares only trials planned for as many epochs."""

    same_epochs: bool = MISSING


@option("pruner", "none")
@dataclass
class NoPrunerConfig(PrunerConfig):
    pass


@option("pruner", "median")
@dataclass
class MedianConfig(PrunerConfig):
    n_startup_trials: int = setting(low=0)
    n_warmup_epochs: int = setting(low=0)


@option("pruner", "asha")
@dataclass
class AshaConfig(PrunerConfig):
    min_epochs: int = count()
    reduction_factor: int = setting(low=2)


@option("pruner", "hyperband")
@dataclass
class HyperbandConfig(PrunerConfig):
    min_epochs: int = count()
    max_epochs: int | None = count(None)
    reduction_factor: int = setting(low=2)
