"""Reads the `space` section of a config into a `Space`, refusing what makes no sense.

Each refusal is one sentence that names the config path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.limits import check_limits
from hpo.config.schema import SECTIONS, Config
from hpo.config.search import ParamConfig, ParamType, ParamValue
from hpo.space.apply import apply_params
from hpo.space.prior import Prior, read_prior
from hpo.space.space import MAX_CELLS, Condition, Param, Space, evenly, snap

MAX_INT_LEVELS = 32  # an int range up to this size is its own grid
MAX_CHOICES = 1_000  # each is a name that samplers and figures carry along
MAX_EXACT = 2**53  # beyond it, floats skip whole numbers


def read_space(config: Config, *, may_be_empty: bool = False) -> Space:
    """Returns the search space that `config.space` describes.

    Args:
        config: The settings.
        may_be_empty: Whether every param was given a value on purpose, so that nothing is left to search.

    Raises:
        ValueError: if it is empty, names an unknown path, or an entry contradicts itself.
    """
    entries: dict[str, ParamConfig] = {
        f"{section}.{name}": entry for section in SECTIONS for name, entry in getattr(config.space, section).items()
    }
    if not entries and not may_be_empty:
        raise ValueError(f"space is empty; {_advice(config)}, or leave at least one param in it.")
    fixed = _fixed(config)
    for path in entries:
        if path not in fixed and not path.startswith("params."):
            raise ValueError(
                f"space.{path} sets nothing: there is no {path}; searchable are {', '.join(sorted(fixed))}."
            )
    params = [_read_param(path, entry, entries) for path, entry in entries.items()]
    for param in params:
        _check_assignable(param, config)
        _check_condition(param, config, fixed)
    return Space(params=tuple(_parents_first(params)), fixed=fixed)


def _advice(config: Config) -> str:
    if config.trainer.metrics:  # else it is a function's, and searches what that takes
        return "choose one (space=awd_lstm_small)"
    return (
        "write what is searched into conf/space/mine.yaml, as in "
        "params: {lr: {type: float, low: 1.0e-4, high: 0.1, log: true}}, and choose space=mine"
    )


def _fixed(config: Config) -> dict[str, ParamValue]:
    """Returns the fixed value of every config path that has one and that a space may set."""
    sections = {"model": vars(config.model), "train": vars(config.train), "params": config.params}
    return {
        f"{section}.{name}": value.value if isinstance(value, Enum) else value
        for section, values in sections.items()
        for name, value in values.items()
    }


def _read_param(path: str, entry: ParamConfig, entries: Mapping[str, ParamConfig]) -> Param:
    where = f"space.{path}"
    distribution = _categorical(where, entry) if entry.type is ParamType.categorical else _numeric(where, entry)
    levels = _levels(where, entry, distribution)
    return Param(path, distribution, levels, _condition(where, entry, entries), _prior(where, entry, distribution))


def _prior(where: str, entry: ParamConfig, distribution: BaseDistribution) -> Prior | None:
    written = read_prior(where, entry.prior)
    if written is None:
        return None
    if distribution.single():
        raise ValueError(f"{where}.prior has nothing to say: the param has a single value; leave it out.")
    return Prior(checked_value(f"{where}.prior.centre is", written[0], distribution), written[1])


def _categorical(where: str, entry: ParamConfig) -> BaseDistribution:
    if not entry.choices:
        raise ValueError(f"{where} is categorical without choices; give it {where}.choices=[a,b].")
    for name in ("low", "high", "step"):
        if getattr(entry, name) is not None:
            raise ValueError(f"{where}.{name} makes no sense for a categorical param; remove it or set {where}.type.")
    if len(entry.choices) > MAX_CHOICES:
        raise ValueError(
            f"{where}.choices has {len(entry.choices):,} choices, at most {MAX_CHOICES:,} are searched; give fewer, "
            f"or a range of numbers by {where}.low and {where}.high."
        )
    for choice in entry.choices:
        if not isinstance(choice, int | float | str | bool | None):
            raise ValueError(f"{where}.choices has {choice!r}; choices are numbers, texts, booleans or null.")
    if len({repr(_as_number(choice)) for choice in entry.choices}) < len(entry.choices):
        raise ValueError(f"{where}.choices={entry.choices} names a choice twice; remove the double.")
    return CategoricalDistribution(entry.choices)


def _as_number(choice: object) -> object:
    """Returns 64 of 64.0: a param of either kind is the same number."""
    return int(choice) if isinstance(choice, float) and choice.is_integer() else choice


def _numeric(where: str, entry: ParamConfig) -> BaseDistribution:
    if entry.choices is not None:
        raise ValueError(f"{where} has choices but type {entry.type.value}; set {where}.type=categorical.")
    for name in ("low", "high"):
        bound = getattr(entry, name)
        if bound is None or not math.isfinite(bound):
            raise ValueError(f"{where}.{name}={bound} is no bound; give a finite number.")
    assert entry.low is not None
    assert entry.high is not None
    if entry.low > entry.high:
        raise ValueError(f"{where} has low={entry.low:g} above high={entry.high:g}; swap them or widen the range.")
    if entry.log and entry.low <= 0:
        raise ValueError(
            f"{where} is on a log scale with low={entry.low:g}; low must be above 0, or set {where}.log=false."
        )
    if entry.step is not None and (entry.step <= 0 or not math.isfinite(entry.step)):
        raise ValueError(f"{where}.step={entry.step:g} must be above 0.")
    if entry.log and entry.step is not None:
        raise ValueError(f"{where} has both log and step; a log scale has no step, remove one of them.")
    if entry.type is ParamType.float:
        high = _last_step(where, entry.low, entry.high, entry.step)
        return FloatDistribution(entry.low, high, log=entry.log, step=entry.step)
    for name in ("low", "high", "step"):
        number = getattr(entry, name)
        if number is not None and number != int(number):
            raise ValueError(f"{where}.{name}={number:g} is not a whole number, as type int needs.")
        if number is not None and abs(number) > MAX_EXACT:
            raise ValueError(f"{where}.{name}={number:g} is too large a whole number; give at most {MAX_EXACT:,}.")
    low, step = int(entry.low), int(entry.step or 1)
    return IntDistribution(low, low + (int(entry.high) - low) // step * step, log=entry.log, step=step)


def _last_step(where: str, low: float, high: float, step: float | None) -> float:
    """Returns the largest value on the steps from `low`; Optuna would move `high` there with a warning.

    Optuna counts in the decimals that are written, so some steps of many digits end at no float.
    """
    if step is None:
        return high
    if (high - low) / step > MAX_EXACT:
        raise ValueError(f"{where}.step={step:g} makes too many steps of {low:g} to {high:g}; give a larger one.")
    first, width = Decimal(str(low)), Decimal(str(step))
    last = float(first + (Decimal(str(high)) - first) // width * width)
    if (Decimal(str(last)) - first) % width:
        raise ValueError(f"{where}.step={step!r} has too many digits to count by from {low!r}; round it.")
    return last


def _levels(where: str, entry: ParamConfig, distribution: BaseDistribution) -> tuple[ParamValue, ...]:
    if entry.levels is not None and entry.n_levels is not None:
        raise ValueError(
            f"{where} has both levels and n_levels; give one of them as null, as in {where}.n_levels=null."
        )
    if entry.n_levels is not None and not 1 <= entry.n_levels <= MAX_CELLS:
        raise ValueError(f"{where}.n_levels={entry.n_levels} must be at least 1 and at most {MAX_CELLS:,}.")
    if entry.levels is not None:
        if not entry.levels:
            raise ValueError(f"{where}.levels is empty; name at least one level.")
        return tuple(checked_value(f"{where}.levels has", level, distribution) for level in entry.levels)
    match distribution:
        case CategoricalDistribution(choices=choices):
            if entry.n_levels is not None:
                raise ValueError(f"{where}.n_levels makes no sense for a categorical param; use {where}.levels.")
            return tuple(choices)
        case FloatDistribution(low=low, high=high, log=log, step=step):
            if entry.n_levels is None:
                n_steps = 1 + round((high - low) / step) if step else (1 if low == high else 0)
                return tuple(low + i * (step or 0.0) for i in range(n_steps)) if n_steps <= MAX_CELLS else ()
            return tuple(snap(value, low, high, step) for value in evenly(low, high, log=log, n=entry.n_levels))
        case IntDistribution(low=low, high=high, log=log, step=step):
            if entry.n_levels is None:
                values = range(low, high + 1, step)
                return tuple(values) if len(values) <= MAX_INT_LEVELS else ()
            places = evenly(float(low), float(high), log=log, n=entry.n_levels)
            return tuple(dict.fromkeys(low + round((place - low) / step) * step for place in places))
    raise TypeError(f"{where} has an unknown distribution {distribution!r}.")


def checked_value(what: str, level: ParamValue, distribution: BaseDistribution) -> ParamValue:
    """Returns a value as the space has it.

    Raises:
        ValueError: if it lies outside; the sentence begins with `what`.
    """
    try:
        inside = distribution._contains(distribution.to_internal_repr(level))
    except (ValueError, TypeError):
        inside = False
    is_number = isinstance(level, int | float) and not isinstance(level, bool)
    if isinstance(distribution, IntDistribution):
        inside = inside and is_number and level == int(level)  # type: ignore[arg-type]  # is_number says so
    elif isinstance(distribution, FloatDistribution):
        inside = inside and is_number
    if not inside:
        raise ValueError(f"{what} {level!r}, which lies outside {_range(distribution)}; move it or widen the range.")
    external: ParamValue = distribution.to_external_repr(distribution.to_internal_repr(level))
    return external


def _range(distribution: BaseDistribution) -> str:
    match distribution:
        case CategoricalDistribution(choices=choices):
            return f"its choices {list(choices)}"
        case FloatDistribution(low=low, high=high, step=step) | IntDistribution(low=low, high=high, step=step):
            steps = f" in steps of {step:g}" if step not in (None, 1) else ""
            return f"its range {low:g} to {high:g}{steps}"
    return repr(distribution)


def _condition(where: str, entry: ParamConfig, entries: Mapping[str, ParamConfig]) -> Condition | None:
    if not entry.when:
        return None
    if set(entry.when) != {"param", "in"} or not isinstance(entry.when["in"], list) or not entry.when["in"]:
        raise ValueError(f"{where}.when must be {{param: <path>, in: [<values>]}}; given was {entry.when}.")
    path = str(entry.when["param"])
    if f"space.{path}" == where:
        raise ValueError(f"{where}.when refers to itself; name another param.")
    values = tuple(entry.when["in"])
    if path in entries:
        parent = entries[path]
        distribution = _categorical(f"space.{path}", parent) if parent.choices else _numeric(f"space.{path}", parent)
        for value in values:
            checked_value(f"{where}.when.in has", value, distribution)
    return Condition(path, values)


def _check_condition(param: Param, config: Config, fixed: Mapping[str, ParamValue]) -> None:
    """Refuses a condition that no trial could meet, by a slip of the pen: its param would never be searched."""
    if param.when is None:
        return
    where, path = f"space.{param.path}.when", param.when.path
    if path not in fixed:
        raise ValueError(f"{where}.param={path} names no setting; give one of {', '.join(sorted(fixed))}.")
    for value in param.when.values:
        try:
            apply_params(config, {path: value})
        except ValueError as error:
            raise ValueError(f"{where}.in has {value!r}: {error}") from error


def _parents_first(params: list[Param]) -> list[Param]:
    """Orders params so that a condition's param comes before those that depend on it."""
    ordered: list[Param] = []
    waiting = list(params)
    while waiting:
        placed = {param.path for param in ordered}
        searched = {param.path for param in params}
        ready = [p for p in waiting if p.when is None or p.when.path in placed or p.when.path not in searched]
        if not ready:
            paths = ", ".join(f"space.{param.path}" for param in waiting)
            raise ValueError(f"{paths} depend on each other in a circle; remove one of their conditions.")
        ordered += ready
        waiting = [param for param in waiting if param not in ready]
    return ordered


def _check_assignable(param: Param, config: Config) -> None:
    """Refuses a param whose values cannot stand where its config path stands."""
    for value in _extremes(param):
        try:
            check_limits(apply_params(config, {param.path: value}), only=param.path)
        except ValueError as error:
            raise ValueError(f"space.{param.path} allows {value!r}: {error}") from error


def _extremes(param: Param) -> tuple[ParamValue, ...]:
    match param.distribution:
        case CategoricalDistribution(choices=choices):
            return tuple(choices)
        case FloatDistribution(low=low, high=high) | IntDistribution(low=low, high=high):
            return (low, high, param.from_unit(0.37))  # a float that is no bound: a whole number only by its step
    return ()
