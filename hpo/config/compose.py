"""Composes conf/ and the command line into one `Config`, or says in a sentence why it cannot.

The only module that knows omegaconf; what the settings mean is none of its business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ValidationError

from hpo.config import schema as c
from hpo.config.bounds import bound_files
from hpo.config.explain import NO_BOOL, explain, suggestion
from hpo.config.override_text import override_value
from hpo.config.registry import Option, options
from hpo.config.searched import fit_levels, fix_overridden
from hpo.machine.paths import conf_folder, working_conf
from hpo.machine.secrets import cover_settings


@dataclass(frozen=True)
class Composition:
    """The settings of a job, and what of how they were given is not in them.

    Attributes:
        config: The settings, without the params that `fixed` takes out of the space.
        choices: The option chosen in each config group, by group; "" where none is.
        fixed: The overrides that take params out of the space, sorted.
        seeded: The paths of the settings that are written in terms of the seed, as in encoder.seed=${seed}.
        notes: What is to be said of it, a sentence each.
        file: Which file of conf/ was the primary one; "" if it was not composed from one.
        search_path: Hydra's own overrides: where else it found files.
        typed: The overrides as they were given.
    """

    config: c.Config
    choices: Mapping[str, str]
    fixed: tuple[str, ...] = ()
    seeded: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    file: str = ""
    search_path: tuple[str, ...] = ()
    typed: tuple[str, ...] = ()


def register_schemas(root: type[c.Config] = c.Config) -> None:
    """Tells Hydra the types of every section and option; `root` is the type of the whole.

    Raises:
        ValueError: for an option of a group that there is not, or of another kind than its group's.
    """
    store, groups = ConfigStore.instance(), get_type_hints(root)
    store.store(name="base_config", node=root)
    for group, choices in options().items():
        for name, node in choices.items():
            _check_option(node, group, groups)
            store.store(group=f"schema/{group}", name=name, node=node)


def _check_option(option: type, group: str, groups: Mapping[str, object]) -> None:
    kind, name = groups.get(group), f"{option.__module__}.{option.__name__}"
    if not isinstance(kind, type) or not issubclass(kind, Option):
        names = [name for name, kind in groups.items() if isinstance(kind, type) and issubclass(kind, Option)]
        raise ValueError(f"{name} cannot be an option of {group}, which is no group; those are {', '.join(names)}.")
    if not issubclass(option, kind):
        raise ValueError(f"{name} cannot be an option of {group}; derive it from {kind.__module__}.{kind.__name__}.")


@contextmanager
def hydra_initialized() -> Iterator[None]:
    """Lets Hydra find conf/."""
    with hydra.initialize_config_dir(str(conf_folder().absolute()), job_name="hpo", version_base="1.3"):
        bound_files()
        yield


def search_path(typed: Path | None) -> list[str]:
    """Returns the override that lets Hydra find the files of a folder that was typed, and of ./conf, too.

    Ours come first: no file there takes the place of an option or of a setting's type.
    """
    folders = dict.fromkeys(folder for folder in (typed, working_conf()) if folder)
    words = ",".join(override_value(f"file://{folder}") for folder in folders)
    return [f"hydra.searchpath=[{words}]"] if folders else []


def compose_job(name: str, overrides: Sequence[str], *, may_lack: bool = False) -> Composition:
    """Returns the settings of a job; what Hydra made of it is in `HydraConfig` afterwards.

    Args:
        name: Which file of conf/ is the primary one.
        overrides: What was given for this job, in Hydra's grammar.
        may_lack: See `to_config`.

    Raises:
        ValueError: saying in a sentence why it cannot be composed.
    """
    composed = _compose(name, overrides)
    hydra_config = HydraConfig.get()
    chosen = hydra_config.runtime.choices.items()
    choices = {str(group): str(option) if option and option != "None" else "" for group, option in chosen}
    config = to_config(composed, may_lack=may_lack)
    _refuse_numbers_as_booleans(config, hydra_config.overrides.task)
    config, fixed = fix_overridden(config, hydra_config.overrides.task)
    config, notes = fit_levels(config, hydra_config.overrides.task)
    seeded = _seeded(OmegaConf.to_container(composed, resolve=False))
    search_path = tuple(hydra_config.overrides.hydra)
    return Composition(config, choices, fixed, tuple(seeded), notes, name, search_path, tuple(overrides))


def compose_aside(name: str, overrides: Sequence[str]) -> Composition:
    """Returns the settings of a job that may lack values, without a trace of it in `HydraConfig`.

    Raises:
        ValueError: as `compose_job` does.
    """
    hydra_config = HydraConfig.instance()
    before = hydra_config.cfg
    try:
        return compose_job(name, overrides, may_lack=True)
    finally:
        hydra_config.cfg = before


def given_overrides() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the overrides of the job composed last, and Hydra's own, as they were written: ${seed} stays ${seed}."""
    overrides: Any = OmegaConf.to_container(HydraConfig.get().overrides, resolve=False)
    return tuple(overrides["task"]), tuple(overrides["hydra"])


def show_job(name: str, overrides: Sequence[str], *, package: str | None = None, is_resolved: bool = False) -> str:
    """Returns the composed configuration as YAML.

    Args:
        name, overrides: As in `compose_job`.
        package: The path of the part to show; None means all.
        is_resolved: Whether interpolations are replaced by what they stand for.

    Raises:
        ValueError: if it cannot be composed, or has no such part.
    """
    composed = _compose(name, overrides)
    try:
        if is_resolved:
            OmegaConf.resolve(composed)
        part = OmegaConf.select(composed, package) if package else composed
    except Exception as error:  # whatever omegaconf makes of interpolations and paths
        raise ValueError(explain(error)) from error
    if not OmegaConf.is_config(part):
        raise ValueError(f"--package {package} is no group of settings; name one, as in --package train.")
    return OmegaConf.to_yaml(part)


def _compose(name: str, overrides: Sequence[str]) -> DictConfig:
    try:
        composed = hydra.compose(name, [_added(word) for word in overrides], return_hydra_config=True)
    except Exception as error:  # whatever Hydra, omegaconf and YAML make of what was given
        raise ValueError(explain(error)) from error
    HydraConfig.instance().set_config(composed)
    with open_dict(composed):
        del composed["hydra"]
    return composed


def _added(override: str) -> str:
    """Returns an override of an argument of a user's function as one that need not be there yet."""
    return f"++{override}" if override.startswith("params.") else override


def to_config(composed: DictConfig, *, may_lack: bool = False) -> c.Config:
    """Returns the composed configuration as dataclasses, the passwords in its URLs covered.

    Args:
        composed: What Hydra made of conf/ and the command line.
        may_lack: Leave texts that are missing empty, for somebody else to give.

    Raises:
        ValueError: if a value is missing, of a wrong type or under a key that nothing reads.
    """
    for path, key in _keys(OmegaConf.to_container(composed, resolve=False)):
        if key in ("_target_", "_partial_"):
            raise ValueError(f"{path} is not allowed: options are chosen by name, never by a path to code; remove it.")
    if may_lack:
        composed = composed.copy()
        for path in OmegaConf.missing_keys(composed):
            with suppress(ValidationError):  # what users must give are texts: files and folders
                OmegaConf.update(composed, path, "")
    try:
        config = cover_settings(OmegaConf.to_object(composed))
    except Exception as error:  # whatever omegaconf makes of missing values and interpolations
        raise ValueError(explain(error)) from error
    assert isinstance(config, c.Config)
    _check_shape("", config, type(config))
    _refuse_unread(OmegaConf.to_container(composed, resolve=False), config, "")
    return config


def _refuse_numbers_as_booleans(config: c.Config, overrides: Sequence[str]) -> None:
    """Refuses encoder.backward=3, which omegaconf takes for true."""
    for override in overrides:
        path, _, text = override.lstrip("+").partition("=")
        value: object = config
        for name in path.split("."):
            value = getattr(value, name, None)
        if isinstance(value, bool) and re.fullmatch(r"[-+.\d_e]*\d", text) and text not in ("0", "1"):
            raise ValueError(NO_BOOL.format(where=path, given=text))


def _check_shape(path: str, value: object, wanted: object) -> None:
    """Refuses what an interpolation put where settings or a list belong; omegaconf checks single values alone."""
    kinds = get_args(wanted) if isinstance(wanted, UnionType) else (wanted,)
    if value is None and NoneType in kinds:
        return
    for kind in kinds:
        is_group = is_dataclass(kind) or get_origin(kind) is dict
        if is_group and not isinstance(value, kind if isinstance(kind, type) else dict):
            raise ValueError(f"{path} must be a group of settings; {value!r} is none.")
        if get_origin(kind) is list and not isinstance(value, list):
            raise ValueError(f"{path} must be a list; write {path}=[a,b] instead of {value!r}.")
        if get_origin(kind) is dict and isinstance(value, dict):
            for key, item in value.items():
                _check_shape(f"{path}.{key}", item, get_args(kind)[1])
    if is_dataclass(value) and not isinstance(value, type):
        for name, hint in _hints(type(value)).items():
            _check_shape(f"{path}.{name}" if path else name, getattr(value, name), hint)


@cache
def _hints(section: type) -> dict[str, object]:
    return get_type_hints(section)


def _refuse_unread(node: object, config: object, path: str) -> None:
    """Refuses keys that were added with `+` and would be dropped without a word."""
    if not isinstance(node, Mapping):
        return
    if is_dataclass(config):
        settings = {field.name: getattr(config, field.name) for field in fields(config)}
    elif isinstance(config, Mapping):
        settings = dict(config)
    else:
        return
    for key, value in node.items():
        where = f"{path}.{key}" if path else str(key)
        if key not in settings:
            raise ValueError(f"{where} is not a setting{suggestion(str(key), settings)}; remove it.")
        _refuse_unread(value, settings[key], where)


def _seeded(node: Any, path: str = "") -> Iterator[str]:
    """Yields the paths of the settings whose interpolation names a seed."""
    if isinstance(node, Mapping | list):
        for key, value in node.items() if isinstance(node, Mapping) else enumerate(node):
            yield from _seeded(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, str) and "${" in node and "seed" in node:
        yield path


def _keys(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            where = f"{path}.{key}" if path else str(key)
            yield where, str(key)
            yield from _keys(value, where)
