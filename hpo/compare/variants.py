"""The ways of searching a comparison is about: named sets of overrides, composed into configurations.

Running them is `compare`'s business.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import yaml

from hpo.config.compare import CompareConfig
from hpo.config.compose import Composition, compose_job, given_overrides
from hpo.config.override_text import override_value
from hpo.config.schema import Config

SHARED = ("storage", "tracking", "executor")  # sections all studies of a comparison have in common
Overrides = Mapping[str, tuple[str, ...]]
"""Override strings by the name they are known under."""


@dataclass(frozen=True)
class Variant:
    """One strategy on one task, composed.

    Attributes:
        strategy, task: Their names; the task is "" when there is but one.
        overrides: What was added to the command line for it.
        composition: What they compose to, with any seed.
        by_seed: The settings with each seed where some follow it, as encoder.seed=${seed} does; else empty.
    """

    strategy: str
    task: str
    overrides: tuple[str, ...]
    composition: Composition
    by_seed: Mapping[int, Config] = field(default_factory=dict)

    @property
    def configs(self) -> list[Config]:
        """All settings that it may have."""
        return [self.composition.config, *self.by_seed.values()]


def compose_variants(config: CompareConfig, seeds: Sequence[int]) -> list[Variant]:
    """Returns every strategy on every task, tasks first; called inside a Hydra command.

    Args:
        config: What the comparison was told.
        seeds: Those of its studies.

    Raises:
        ValueError: if the strategies or tasks are not as they should be.
    """
    overrides, found_by = given_overrides()
    _check_paths("", [override for override in overrides if _path(override) == "seed"])
    tasks: Overrides = read_overrides("tasks", config.tasks) or {"": ()}
    strategies = _strategies(config, overrides)
    variants = [
        _compose((*found_by, *overrides), tasks[task] + strategies[strategy], seeds, strategy=strategy, task=task)
        for task, strategy in itertools.product(tasks, strategies)
    ]
    _check_tasks(variants)
    return variants


def check_seeded(paths: Sequence[str]) -> None:
    """Refuses ${seed} within strategies and tasks, where it is read before there is a seed.

    Args:
        paths: Those of the settings that are written in terms of the seed.

    Raises:
        ValueError: in one sentence.
    """
    for path in paths:
        if path.partition(".")[0] in ("strategies", "tasks"):
            raise ValueError(
                f"{path} is written in terms of the seed, which is not known there yet; set it beside them, "
                "for all studies, as in 'encoder.seed=${seed}'."
            )


def _check_tasks(variants: Sequence[Variant]) -> None:
    """Refuses a task under two names: the report counts tasks as independent evidence."""
    for first, second in itertools.combinations(variants, 2):
        if (
            first.task != second.task
            and first.strategy == second.strategy
            and first.composition.config == second.composition.config
        ):
            raise ValueError(
                f"tasks.{first.task} and tasks.{second.task} are one task; leave one out, or let them differ in a "
                "setting such as data.path."
            )


def _strategies(config: CompareConfig, overrides: Sequence[str]) -> Overrides:
    named = read_overrides("strategies", config.strategies)
    is_asked = any(override.startswith("samplers=") for override in overrides)
    samplers = {name: (f"sampler={name}",) for name in config.samplers} if is_asked or not named else {}
    single = [override for override in overrides if _path(override) == "sampler"]
    if samplers and single:
        raise ValueError(f"{single[-1]} is a single sampler; give those to compare, as in samplers=[grid,tpe].")
    if len(samplers) < len(config.samplers) and samplers:
        raise ValueError(f"samplers={config.samplers} names one twice; remove the double.")
    both = sorted(set(samplers) & set(named))
    if both:
        raise ValueError(f"strategies and samplers both have {', '.join(both)}; name it once.")
    if len(samplers) + len(named) == 0:
        raise ValueError("samplers=[] leaves nothing to compare; name at least one sampler or strategy.")
    return {**samplers, **named}


def read_overrides(key: str, sets: Any) -> dict[str, tuple[str, ...]]:
    """Returns the override strings of each name in `sets`.

    Args:
        key: "strategies" or "tasks", for the sentences.
        sets: {name: {path: value}}, or a list of such mappings and of samplers' names; or either as a text in YAML,
            where a name may have any sign.

    Raises:
        ValueError: if it is anything else, or a name is there twice.
    """
    if sets is None:
        return {}
    named: dict[str, tuple[str, ...]] = {}
    for name, overrides in _pairs(key, _parsed(sets) if isinstance(sets, str) else sets):
        if name in named:
            raise ValueError(f"{key} names '{name}' twice; every name stands for one set of overrides.")
        if not name.strip():
            raise ValueError(f"{key} has an entry without a name; write {{name: {{sampler: tpe}}}}.")
        if not isinstance(overrides, Mapping):
            raise ValueError(f"{key}.{name}={overrides} is no set of overrides; write {{{name}: {{sampler: tpe}}}}.")
        named[name] = tuple(f"{path}={override_value(value)}" for path, value in _leaves(overrides, ""))
        _check_paths(f"{key}.{name}", named[name])
    return named


def _check_paths(where: str, overrides: Sequence[str]) -> None:
    """Refuses overrides of what all studies of a comparison have in common; they would be dropped."""
    for override in overrides:
        path = _path(override)
        of_comparison = {field.name for field in fields(CompareConfig)} - {field.name for field in fields(Config)}
        if path == "seed":
            raise ValueError(f"{where}{': ' if where else ''}{override} is a single seed; a comparison has seeds=….")
        if path.partition(".")[0] in {"comparison", "study", *SHARED, *of_comparison}:
            raise ValueError(f"{where} sets {path}, which all studies of a comparison share; set it beside {where}.")


def _path(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _pairs(key: str, sets: Any) -> list[tuple[str, Any]]:
    if isinstance(sets, Mapping):
        return [(str(name), overrides) for name, overrides in sets.items()]
    if isinstance(sets, list):
        pairs: list[tuple[str, Any]] = []
        for item in sets:
            pairs += [(item, {"sampler": item})] if isinstance(item, str) and key == "strategies" else _pairs(key, item)
        return pairs
    raise ValueError(
        f"{key}={sets} is no set of named overrides; write '{key}={{tpe+asha: {{sampler: tpe, pruner: asha}}}}'."
    )


def _leaves(overrides: Mapping[Any, Any], path: str) -> list[tuple[str, Any]]:
    """Returns paths and values; what is added, as in `+space.train: {weight_decay: {type: float}}`, stays whole."""
    leaves: list[tuple[str, Any]] = []
    for key, value in overrides.items():
        where = f"{path}.{key}" if path else str(key)
        is_group = isinstance(value, Mapping) and not where.startswith("+")
        leaves += _leaves(value, where) if is_group else [(where, value)]
    return leaves


def _compose(
    typed: tuple[str, ...], overrides: tuple[str, ...], seeds: Sequence[int], *, strategy: str, task: str
) -> Variant:
    composition = compose_job("compare", [*typed, *overrides])
    follows = seeds if composition.seeded else ()
    by_seed = {seed: _as_study(compose_job("compare", [*typed, *overrides, f"seed={seed}"]).config) for seed in follows}
    return Variant(strategy, task, overrides, replace(composition, config=_as_study(composition.config)), by_seed)


def _as_study(config: Config) -> Config:
    """Returns what of a comparison's settings a single study has."""
    return Config(**{field.name: getattr(config, field.name) for field in fields(Config)})
