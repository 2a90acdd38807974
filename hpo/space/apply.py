"""Applies params to a configuration: the config path is the param's name.

Which values to try is the samplers' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import get_args, get_type_hints

from hpo.config.schema import Config, ModelConfig, TrainConfig
from hpo.config.search import ParamValue


def apply_params(config: Config, params: Mapping[str, ParamValue]) -> Config:
    """Returns `config` with every param at its path; a recorded table's params may set nothing in it.

    Raises:
        ValueError: if a value is not of the type its path has.
    """
    for path, value in params.items():
        section, _, name = path.partition(".")
        if section == "params":
            config = replace(config, params={**config.params, name: value})
        elif name in (types := _field_types().get(section, {})):
            node = replace(getattr(config, section), **{name: _converted(path, value, types[name])})
            config = replace(config, **{section: node})
    return config


@cache
def _field_types() -> dict[str, dict[str, object]]:
    """Returns the type of each field of each section; resolving annotations is slow, so it is done once."""
    return {"model": get_type_hints(ModelConfig), "train": get_type_hints(TrainConfig)}


def _converted(path: str, value: ParamValue, wanted: object) -> object:
    """Returns `value` as the type of its config path."""
    kinds = get_args(wanted) if isinstance(wanted, UnionType) else (wanted,)
    for kind in kinds:
        if kind is NoneType and value is None:
            return None
        if kind is bool and isinstance(value, bool):
            return value
        if kind is str and isinstance(value, str):
            return value
        if isinstance(kind, type) and issubclass(kind, Enum) and isinstance(value, str) and value in kind.__members__:
            return kind[value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            if kind is float:
                return float(value)
            if kind is int and (isinstance(value, int) or value.is_integer()):
                return int(value)
    raise ValueError(f"{path}={value!r} is not {' or '.join(_allowed(kind) for kind in kinds)}.")


def _allowed(kind: object) -> str:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "one of " + ", ".join(kind.__members__)
    names: dict[object, str] = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    return names.get(kind, "null")
