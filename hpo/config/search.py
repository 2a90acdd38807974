"""Settings of the search: the space, the samplers, the pruners.

Types only, like `schema`, which holds the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

ParamValue = float | int | str | bool | None

MISSING: Any = "???"  # omegaconf's mark for "no value yet"; spelled here so that this module stays dependency-free


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
class SamplerConfig:
    """Proposes params."""


@dataclass
class GridConfig(SamplerConfig):
    pass


@dataclass
class RandomConfig(SamplerConfig):
    pass


@dataclass
class TPEConfig(SamplerConfig):
    n_startup_trials: int = MISSING
    n_ei_candidates: int = MISSING
    multivariate: bool = MISSING
    constant_liar: bool = MISSING


@dataclass
class PrunerConfig:
    """Stops trials early; `same_epochs` compares only trials planned for as many epochs."""

    same_epochs: bool = MISSING


@dataclass
class NoPrunerConfig(PrunerConfig):
    pass


@dataclass
class MedianConfig(PrunerConfig):
    n_startup_trials: int = MISSING
    n_warmup_epochs: int = MISSING


@dataclass
class AshaConfig(PrunerConfig):
    min_epochs: int = MISSING
    reduction_factor: int = MISSING


@dataclass
class HyperbandConfig(PrunerConfig):
    min_epochs: int = MISSING
    max_epochs: int | None = None
    reduction_factor: int = MISSING
