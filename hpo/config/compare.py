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
        n_concurrent: Trials of one study at once.
        cache: Whether equal trials of several studies are trained once.
        rope: Differences of the metric up to this size do not matter; None follows from the metric.
    """

    name: str | None = None
    samplers: list[str] = MISSING
    strategies: Any = None
    tasks: Any = None
    seeds: Any = MISSING
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    n_concurrent: int = count()
    cache: bool = MISSING
    rope: float | None = None
    reports: str = MISSING
