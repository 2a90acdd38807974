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
    prior: dict[str, Any] = field(default_factory=dict)


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

    def settled(self, config: Any, space: Any) -> Any:
        """Returns the whole `schema.Config` with what this sampler asks of the training of its trials.

        Raises:
            ValueError: in a sentence, if trials cannot be trained so.
        """
        return config

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
    """Stops trials early; `same_epochs` compares only trials planned for as many epochs.

    Attributes:
        pauses: Whether trials are not stopped but paused, until they are promoted: see `search.promote`.
    """

    same_epochs: bool = MISSING

    pauses = False

    @property
    def first_epoch(self) -> tuple[int, str]:
        """The first epoch after which it may stop a trial, and the setting that says so; 0 if it never does."""
        return 0, ""

    def check(self, *, max_epochs: int, are_equal: bool) -> None:
        """Refuses settings that contradict each other, or trials of at most `max_epochs`, or of as many if `are_equal`.

        Raises:
            ValueError: in a sentence.
        """

    def notes(self, *, max_epochs: int) -> Iterable[str]:
        """Returns what is to be said before a study begins: that it stops no trial, if so."""
        epoch, name = self.first_epoch
        if epoch >= max_epochs:
            yield (
                f"pruner={self.option} will stop no trial: its first decision comes after epoch {epoch} "
                f"(pruner.{name}={getattr(self, name)}), and a trial has {max_epochs} epochs at most, "
                "after the last of which it is complete."
            )

    @abstractmethod
    def build(self, *, max_epochs: int) -> Any:
        """Returns an `optuna.pruners.BasePruner` for trials of at most `max_epochs`."""
