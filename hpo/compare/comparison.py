"""A comparison as it is planned: strategies x tasks x seeds as studies with equal budgets.

Pure: what is on disk and who trains is `compare`'s and `session`'s business.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.compare.looks import stop_rule
from hpo.compare.variants import SHARED, Variant
from hpo.config.compare import BudgetConfig, CompareConfig, Unit
from hpo.config.limits import check_limits
from hpo.config.schema import Config
from hpo.machine.paths import as_name
from hpo.space.space import Space
from hpo.study.confirmation import confirmation_name
from hpo.study.plan import MAX_NAME_BYTES, Plan, plan

MAX_SEEDS = 1000


@dataclass(frozen=True)
class Comparison:
    """What is going to be compared; nothing of it is on disk yet.

    Attributes:
        name: The experiment's name.
        plans: A study for each task, strategy and seed, tasks first, seeds last.
        variants: The strategies on the tasks.
        seeds: What pairs the studies.
        unit, budget: What each study may spend.
        stop: What is registered of the stopping, where it stops when it is decided; else None.
        is_pilot: Whether nothing is compared: it finds out how noisy another one would be.
    """

    name: str
    plans: Sequence[Plan]
    variants: Sequence[Variant]
    seeds: Sequence[int]
    unit: Unit
    budget: float
    stop: Mapping[str, Any] | None = None
    is_pilot: bool = False

    @property
    def strategies(self) -> list[str]:
        return list(dict.fromkeys(variant.strategy for variant in self.variants))

    @property
    def tasks(self) -> list[str]:
        return list(dict.fromkeys(planned.tags["task"] for planned in self.plans))


def plan_comparison(config: CompareConfig, variants: Sequence[Variant]) -> Comparison:
    """Returns the studies that `config` asks for, once `check_settings` has looked at it.

    Raises:
        ValueError: for strategies and tasks that make no sense together, in one sentence.
    """
    _check_common(config, variants)
    seeds = read_seeds(config.seeds)
    bases = [_plan_variant(variant, variant.composition.config, config, None) for variant in variants]
    size = _common_size(config, bases, variants)
    name = as_name(config.name) if config.name else bases[0].experiment
    plans = [
        _plan_study(_budgeted(base, variant, seed, config, size), variant, seed, config, name)
        for variant, base in zip(variants, bases, strict=True)
        for seed in seeds
    ]
    _check_names(plans)
    comparison = Comparison(name, plans, variants, seeds, config.budget.unit, size)
    return replace(comparison, stop=stop_rule(config, comparison.strategies, comparison.tasks, n_max=len(seeds)))


def read_seeds(seeds: Any) -> list[int]:
    """Returns the seeds that `seeds=…` means: so many from 0 on, or those listed.

    Raises:
        ValueError: if it is neither.
    """
    is_count = isinstance(seeds, int) and not isinstance(seeds, bool)
    if is_count and 1 <= seeds <= MAX_SEEDS:
        return list(range(seeds))
    is_list = isinstance(seeds, list) and bool(seeds) and all(type(seed) is int and 0 <= seed < 2**32 for seed in seeds)
    if is_list and len(set(seeds)) == len(seeds):
        return list(seeds)
    raise ValueError(f"seeds={seeds} must be a number from 1 to {MAX_SEEDS:,}, or a list of different whole numbers.")


def mean_epochs(space: Space, default: int) -> float:
    """Returns the epochs a trial trains on average when its params are drawn at random."""
    for param in space.params:
        if param.path == "train.epochs":
            match param.distribution:
                case IntDistribution(low=low, high=high, log=True) if high > low:
                    return (high - low) / math.log(high / low)
                case IntDistribution(low=low, high=high) | FloatDistribution(low=low, high=high):
                    return (low + high) / 2
                case CategoricalDistribution(choices=choices):
                    return sum(float(choice) for choice in choices if isinstance(choice, int | float)) / len(choices)
    return float(default)


def check_settings(config: CompareConfig) -> None:
    """Refuses what makes no sense whatever is compared.

    Raises:
        ValueError: in one sentence.
    """
    check_limits(config)
    read_seeds(config.seeds)
    _check_size(config.budget)
    if config.study.name is not None:
        raise ValueError(
            f"study.name={config.study.name} names a single study; a comparison has name=…, which names all of it."
        )
    if config.study.timeout_s is not None:
        raise ValueError(
            "study.timeout_s counts the seconds of a command, which all studies share; "
            "give budget.unit=seconds budget.size=… instead."
        )
    if config.rope is not None and config.rope < 0:
        raise ValueError(f"rope={config.rope:g} must be at least 0, in units of study.metric.")
    if config.name is not None and (config.name != as_name(config.name) or len(config.name.encode()) > MAX_NAME_BYTES):
        raise ValueError(
            f"name={config.name!r} must be the name of a folder: at most {MAX_NAME_BYTES} bytes, "
            "no slash, colon, star, quote or leading dot."
        )


def _check_size(budget: BudgetConfig) -> None:
    if budget.size is not None and budget.size <= 0:
        raise ValueError(f"budget.size={budget.size:g} must be above 0.")
    if budget.size is not None and budget.unit is not Unit.seconds and budget.size != int(budget.size):
        raise ValueError(f"budget.size={budget.size:g} must be a whole number of {budget.unit.value}.")


def _check_common(config: CompareConfig, variants: Sequence[Variant]) -> None:
    """Refuses strategies and tasks that differ in what all studies of a comparison share."""
    configs = [variant_config for variant in variants for variant_config in variant.configs]
    for section in SHARED:
        if any(getattr(variant_config, section) != getattr(config, section) for variant_config in configs):
            raise ValueError(
                f"{section} is shared by all studies of a comparison; set it beside the strategies, not in one of them."
            )
    for field in ("metric", "confirm", "audit", "test"):
        if any(getattr(variant_config.study, field) != getattr(configs[0].study, field) for variant_config in configs):
            raise ValueError(
                f"study.{field} must be the same for all strategies and tasks, or their values cannot be compared."
            )


def _check_names(plans: Sequence[Plan]) -> None:
    """Refuses names that two studies share, or that are too long for the folder of a study or its confirmation."""
    for name, n in Counter(planned.name for planned in plans).items():
        if n > 1:
            raise ValueError(
                f"Two strategies make a study named '{name}'; give them names that differ in more than signs."
            )
        if len(confirmation_name(name).encode()) > MAX_NAME_BYTES:
            raise ValueError(f"'{name}' is too long a name for a study; give shorter names to what is compared.")


def _common_size(config: CompareConfig, bases: Sequence[Plan], variants: Sequence[Variant]) -> float:
    """Returns the budget of every study, in the primary unit."""
    sizes = [_size(config, base) for base in bases]
    names = [" on ".join(filter(None, (variant.strategy, variant.task))) for variant in variants]
    for name, size in zip(names, sizes, strict=True):
        if size != sizes[0]:
            raise ValueError(
                f"study.n_trials={config.study.n_trials} costs {sizes[0]:g} epochs with {names[0]} and {size:g} with "
                f"{name}; give budget.size=…, the same for all."
            )
    return sizes[0]


def _size(config: CompareConfig, base: Plan) -> float:
    """Returns the budget of a study, in the primary unit."""
    budget: BudgetConfig = config.budget
    if budget.size is not None:
        return budget.size
    n_trials = config.study.n_trials
    match budget.unit:
        case Unit.seconds:
            if config.study.trials_s is not None:
                return config.study.trials_s
            raise ValueError("budget.unit=seconds needs budget.size=…, the seconds of training each study may spend.")
        case Unit.epochs if config.study.n_epochs is not None:
            return config.study.n_epochs
        case _ if n_trials is None:
            raise ValueError(f"budget.size=null needs study.n_trials=…; or give budget.size in {budget.unit.value}.")
        case Unit.trials:
            return n_trials
    return round(n_trials * mean_epochs(base.space, base.config.train.epochs))


def _with_budget(config: Config, asked: CompareConfig, size: float | None) -> Config:
    """Returns `config` with nothing but the primary budget."""
    unit = asked.budget.unit
    study = replace(
        config.study,
        n_trials=int(size or 1) if unit is Unit.trials else None,
        n_epochs=int(size or 1) if unit is Unit.epochs else None,
        trials_s=float(size or 1.0) if unit is Unit.seconds else None,
        # simulated time has one order of events already
        ordered=config.study.ordered or (asked.n_concurrent > 1 and config.executor.is_shared),
    )
    return replace(config, study=study)


def _plan_variant(variant: Variant, settings: Config, asked: CompareConfig, size: float | None) -> Plan:
    return plan(replace(variant.composition, config=_with_budget(settings, asked, size)))


def _budgeted(base: Plan, variant: Variant, seed: int, asked: CompareConfig, size: float) -> Plan:
    """Returns `base` with the primary budget; planned again if its seed has settings of its own."""
    if seed in variant.by_seed:
        return _plan_variant(variant, variant.by_seed[seed], asked, size)
    return replace(base, config=_with_budget(base.config, asked, size))


def _plan_study(base: Plan, variant: Variant, seed: int, config: CompareConfig, name: str) -> Plan:
    """Returns the plan of one study."""
    task = variant.task or base.subject
    planned = replace(
        base,
        config=replace(base.config, seed=seed),
        n_workers=config.n_concurrent,
        tags={**base.tags, "strategy": variant.strategy, "task": task, "role": "search"},
        experiment_name=name,
    )
    is_plain = not config.name and not variant.task and variant.overrides == (f"sampler={variant.strategy}",)
    if is_plain:
        return planned
    parts = [name, variant.task, variant.strategy, f"s{seed}", "" if config.name else planned.digest()]
    study = replace(planned.config.study, name="-".join(as_name(part) for part in parts if part))
    return replace(planned, config=replace(planned.config, study=study))
