"""What the words of a command line make of the space: a value takes its param out, a bound takes its levels along.

What a space may be is decided in `space.read`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import Enum

from hpo.config.override_text import override_value
from hpo.config.overrides import mapped_names
from hpo.config.schema import SECTIONS, Config
from hpo.config.search import ParamConfig


def fix_overridden(config: Config, overrides: Sequence[str]) -> tuple[Config, tuple[str, ...]]:
    """Takes the params out of the space that the command line gives a value: `train.lr=0.01` means that value.

    Returns:
        The configuration, and the overrides that did so, sorted.
    """
    space, fixing = config.space, []
    for override in overrides:
        for path, fixed in _given_values(config, override.lstrip("+")):
            section, _, name = path.partition(".")
            entries = getattr(space, section)
            if name in entries:
                space = replace(space, **{section: {key: entry for key, entry in entries.items() if key != name}})
                fixing.append(fixed)
    return replace(config, space=space), tuple(sorted(fixing))


def _given_values(config: Config, override: str) -> Iterator[tuple[str, str]]:
    """Yields the searchable paths that an override gives a value, and an override for each: train={lr: 0.01}, too."""
    path, _, text = override.partition("=")
    section, _, name = path.partition(".")
    if section in SECTIONS and name:
        yield path, override
    elif section in SECTIONS and text.lstrip().startswith("{"):
        for name in mapped_names(override):
            node = getattr(config, section)
            value = node[name] if isinstance(node, dict) else getattr(node, name)
            yield f"{path}.{name}", f"{path}.{name}={override_value(value.value if isinstance(value, Enum) else value)}"


def fit_levels(config: Config, overrides: Sequence[str]) -> tuple[Config, tuple[str, ...]]:
    """Leaves out the levels of params whose range the command line moves away from them; where it moves, so do they.

    Returns:
        The configuration, and a sentence for each such param if levels are what is searched.
    """
    space, notes = config.space, []
    for section in SECTIONS:
        for name, entry in getattr(space, section).items():
            path = f"space.{section}.{name}"
            words = [word for word in overrides if re.match(rf"\+*{re.escape(path)}[.=]", word)]
            left = [level for level in entry.levels or () if _is_outside(level, entry)]
            if words and left and not any("levels" in word for word in words):
                fitted = _without(entry, left)
                space = replace(space, **{section: {**getattr(space, section), name: fitted}})
                levels = ", ".join(map(override_value, left))
                instead = f"; in their place are {fitted.n_levels}, evenly spread" if fitted.n_levels else ""
                notes.append(f"The grid leaves out {path}.levels={levels}, outside the range that was given{instead}.")
    return replace(config, space=space), tuple(notes) if config.sampler.is_grid else ()


def _is_outside(level: object, entry: ParamConfig) -> bool:
    if entry.choices is not None:
        return level not in entry.choices
    if entry.low is None or entry.high is None or not isinstance(level, int | float):
        return False
    return not entry.low <= level <= entry.high


def _without(entry: ParamConfig, left: Sequence[object]) -> ParamConfig:
    """Returns a param without some of its levels; without all of them, it has as many others."""
    levels = [level for level in entry.levels or () if level not in left]
    n_levels = None if levels or entry.choices is not None else len(left)
    return replace(entry, levels=levels or None, n_levels=n_levels)
