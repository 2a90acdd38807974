"""Settings of a study and of each of its trials: what is optimised, within which limits, what follows the search.

Types only, like `schema`, of which it is a part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hpo.config.limits import MISSING, count, seconds, setting
from hpo.config.metric import Direction, direction_of


@dataclass
class TrialConfig:
    """Limits and leftovers of one trial."""

    timeout_s: float | None = seconds(None)
    keep_checkpoints: bool = MISSING


@dataclass
class ConfirmConfig:
    """The best configurations of a search, trained again: the `top_k` best, each with `n_seeds` fresh seeds."""

    top_k: int = setting(low=0, high=100)
    n_seeds: int = setting(low=1, high=100)


@dataclass
class StopConfig:
    """When a search ends before its budget: at a value of its metric, or after `stagnation` trials without gain.

    A gain is more than `noise`, in units of the metric; null takes what trials vary by from epoch to epoch.
    """

    target: float | None = None
    stagnation: int | None = count(None)
    noise: float | None = setting(None, low=0)


@dataclass
class StudyConfig:
    """A study's name, what it optimises, and its total budget.

    `enqueue` is a list of configurations or the file that has one, the first trials; `learn_from` names studies of an
    equal space whose trials the sampler sees; `prior_weight` is how many trials the priors of the space weigh.
    `direction: null` is what is known of the metric; `positive` is the class that `f1` is about, and
    `average_precision`, without it a mean over the classes; `accept_code` continues it with another text of a user's
    function.
    """

    name: str | None = None
    metric: str = MISSING
    direction: Direction | None = None
    positive: str | None = None
    n_trials: int | None = count(None)
    timeout_s: float | None = seconds(None)
    n_epochs: int | None = count(None)
    trials_s: float | None = seconds(None)
    ordered: bool = MISSING
    confirm: ConfirmConfig = field(default_factory=ConfirmConfig)
    audit: float = setting(low=0, high=1)
    test: bool = MISSING
    accept_code: bool = False
    enqueue: Any = None
    prior_weight: float = setting(above=0)
    learn_from: list[str] = field(default_factory=list)
    stop: StopConfig = field(default_factory=StopConfig)

    @property
    def goal(self) -> Direction:
        """Which values of its metric are better.

        Raises:
            ValueError: if that is not known.
        """
        return direction_of(self.metric, self.direction)
