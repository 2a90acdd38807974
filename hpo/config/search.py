"""Settings of the search: the space, and what every sampler and every pruner answers.

Which of them there are is in `search.options` and `search.pruners`; `schema` holds the rest.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hpo.config.limits import MISSING
from hpo.config.registry import Option

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
    """All tunable dimensions, keyed by section and then by the name of the field they set.

    `params` are the arguments of a user's own training function.
    """

    model: dict[str, ParamConfig] = field(default_factory=dict)
    train: dict[str, ParamConfig] = field(default_factory=dict)
    params: dict[str, ParamConfig] = field(default_factory=dict)


@dataclass
class SamplerConfig(Option):
    """Proposes params.

    Attributes:
        is_grid: Whether it visits the combinations of the levels, and ends after the last one.
        is_random: Whether a proposal depends on no other trial's result.
        n_startup_trials: How many trials it proposes as random search does before it learns.
        learns_from_others: Whether trials of another study of an equal space teach it something.
    """

    is_grid = False
    is_random = False
    n_startup_trials = 0
    learns_from_others = False

    @abstractmethod
    def build(self, space: Any, seed: int) -> Any:
        """Returns an `optuna.samplers.BaseSampler` over a `space.space.Space`, whose candidates are not its business.

        Raises:
            ValueError: if it cannot search that space.
        """

    def seed_number(self, number: int) -> int:
        """Returns the number of the trial whose training seed trial `number` shares: its own, as a rule."""
        return number

    def notes(self, config: Any) -> Iterable[str]:
        """Returns what is to be said before a study begins, given the whole `schema.Config`; a sentence each."""
        return ()


@dataclass
class PrunerConfig(Option):
    """Stops trials early; `same_epochs` compares only trials planned for as many epochs."""

    same_epochs: bool = MISSING

    @abstractmethod
    def build(self, *, max_epochs: int) -> Any:
        """Returns an `optuna.pruners.BasePruner` for trials of at most `max_epochs`."""
