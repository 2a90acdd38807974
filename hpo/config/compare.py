"""Settings of a comparison: the strategies, the seeds, the budget each study gets.

Types only, like `schema`, which it extends; values live in conf/compare.yaml.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hpo.config.limits import MISSING, count, setting
from hpo.config.schema import Config


class Unit(Enum):
    """What every study may spend the same of."""

    epochs = "epochs"
    trials = "trials"
    seconds = "seconds"


class Stop(Enum):
    """When a comparison is over."""

    planned = "planned"
    decided = "decided"


@dataclass
class BudgetConfig:
    """The primary budget of each study; `size: null` follows from study.n_trials."""

    unit: Unit = MISSING
    size: float | None = setting(None, high=1e12)


@dataclass
class CompareConfig(Config):
    """Everything `hpo compare` was told.

    Attributes:
        name: The experiment's name; None is named after what it is about.
        samplers: Strategies that differ in their sampler alone.
        strategies: Named sets of overrides, as {name: {path: value}}, or a list of such or of samplers' names.
        tasks: Named sets of overrides; each strategy runs on each of them.
        seeds: How many seeds from 0 on, or a list of them.
        stop: After all planned seeds, or once a group-sequential test has decided it.
        looks: After how many seeds it is tested, the last of them all; None for 40, 55, 75 and 100 % of them.
        futility: It stops, too, where no pair is told apart in the end with more than this probability.
        plan: Nothing is compared: it says how many seeds that would take, and how many hours.
        difference: What is to be found then, in units of the metric; None is twice the ROPE.
        noise: The experiment of the record whose noise is taken; None is the one of the same name, or else a pilot.
        pilot: Trials of the pilot.
        n_concurrent: Trials of one study at once.
        cache: Whether equal trials of several studies are trained once.
        rope: Differences of the metric up to this size do not matter; None follows from the metric.
    """

    name: str | None = None
    samplers: list[str] = MISSING
    strategies: Any = None
    tasks: Any = None
    seeds: Any = MISSING
    stop: Stop = MISSING
    looks: Any = None
    futility: float = setting(low=0, below=1)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    plan: bool = MISSING
    difference: float | None = setting(None, above=0)
    noise: str | None = None
    pilot: int = setting(low=4)
    n_concurrent: int = count()
    cache: bool = MISSING
    rope: float | None = None
    reports: str = MISSING
