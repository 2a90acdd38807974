"""Configurations that a search begins with: read from the command line or a file, and held against the space.

Giving them to trials is `search.told`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from hpo.config.schema import SECTIONS, Config
from hpo.config.search import ParamValue
from hpo.machine.paths import os_sentence
from hpo.search.told import is_whole
from hpo.space.read import checked_value
from hpo.space.space import Space, canonical

SHAPE = "a list of configurations, e.g. [{train.lr: 0.01, model.n_hid: 64}], or a YAML or JSON file of one"


def read_enqueued(config: Config, space: Space) -> tuple[dict[str, ParamValue], ...]:
    """Returns the configurations that `config.study.enqueue` gives, by config path.

    Raises:
        ValueError: if there is no such file or list, or a configuration is not in the space.
    """
    given = config.study.enqueue
    if given is None:
        return ()
    written = _read(given) if isinstance(given, str) else given
    if not isinstance(written, Sequence) or isinstance(written, str):
        raise ValueError(f"study.enqueue is {SHAPE}; given was {str(given)[:200]}.")
    return tuple(_checked(f"study.enqueue[{index}]", entry, config, space) for index, entry in enumerate(written))


def _read(path: str) -> Any:
    try:
        return yaml.safe_load(Path(path).expanduser().read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"study.enqueue={path}: {os_sentence(error)}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"study.enqueue={path} is no YAML or JSON; it must hold {SHAPE}.") from error


def _checked(where: str, entry: Any, config: Config, space: Space) -> dict[str, ParamValue]:
    if not isinstance(entry, Mapping) or not entry:
        raise ValueError(f"{where} must be a configuration, e.g. {{train.lr: 0.01}}; given was {str(entry)[:200]}.")
    values = _flat(entry)
    params = {param.path: param for param in space.params}
    for path in values:
        if path not in params:
            raise ValueError(f"{where} sets {path}, which is not searched; searched are {', '.join(params)}.")
    checked = {
        path: checked_value(f"{where} has {path}:", values[path], param.distribution)
        for path, param in params.items()
        if path in values
    }
    for path in checked:
        when = params[path].when
        is_open = when is not None and when.path in params and when.path not in checked
        if when is not None and (is_open or not params[path].is_active(checked, space.fixed)):
            raise ValueError(
                f"{where} sets {path}, which is searched only where {when.path} is one of {list(when.values)}; "
                "give that, too, or leave it out."
            )
    if (config.sampler.is_grid or space.candidates) and not is_whole(space, checked):
        lacking = ", ".join(path for path in params if path not in checked)
        raise ValueError(f"{where} lacks {lacking}, which sampler={config.sampler.option} cannot fill in; give it.")
    if space.candidates and canonical(checked) not in map(canonical, space.candidates):
        raise ValueError(f"{where} is none of the {len(space.candidates):,} recorded configurations; give one of them.")
    return checked


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Returns an entry by config path, also one that is nested by section."""
    flat: dict[str, Any] = {}
    for key, value in entry.items():
        nested = value if isinstance(value, Mapping) and key in SECTIONS else None
        flat |= {f"{key}.{name}": inner for name, inner in nested.items()} if nested is not None else {str(key): value}
    return flat
