"""Composes conf/ and the command line into one `Config`, or says in a sentence why it cannot.

The only module that knows omegaconf; what the settings mean is none of its business.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)
from yaml import YAMLError

from hpo import config as c
from hpo import search_config as s
from hpo.params import SECTIONS
from hpo.secret import cover_settings

OPTIONS: dict[str, dict[str, type]] = {
    "sampler": {"grid": s.GridConfig, "random": s.RandomConfig, "tpe": s.TPEConfig},
    "pruner": {
        "none": s.NoPrunerConfig,
        "median": s.MedianConfig,
        "asha": s.AshaConfig,
        "hyperband": s.HyperbandConfig,
    },
    "data": {
        "docstrings": c.DocstringsConfig,
        "imdb": c.ImdbConfig,
        "folder": c.FolderConfig,
        "table": c.TableConfig,
    },
    "model": {"awd_lstm": c.ModelConfig},
    "train": {"default": c.TrainConfig},
    "trainer": {"awd_lstm": c.AwdLstmConfig, "synthetic": c.SyntheticConfig, "replay": c.ReplayConfig},
    "storage": {"sqlite": c.SqliteConfig, "memory": c.MemoryConfig},
    "tracking": {"mlflow": c.MlflowConfig, "none": c.NoTrackingConfig},
    "executor": {"inline": c.InlineConfig, "processes": c.ProcessesConfig, "simulated": c.SimulatedConfig},
}


def register_schemas(root: type[c.Config] = c.Config) -> None:
    """Tells Hydra the types of every section and option; `root` is the type of the whole."""
    store = ConfigStore.instance()
    store.store(name="base_config", node=root)
    for group, options in OPTIONS.items():
        for name, node in options.items():
            store.store(group=f"schema/{group}", name=name, node=node)


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
            OmegaConf.update(composed, path, "")  # what users must give are texts: files and folders
    config = cover_settings(OmegaConf.to_object(composed))
    assert isinstance(config, c.Config)
    _refuse_unread(OmegaConf.to_container(composed, resolve=False), config, "")
    return config


def fix_overridden(config: c.Config, overrides: Sequence[str]) -> tuple[c.Config, str]:
    """Takes the params out of the space that the command line gives a value: `train.lr=0.01` means that value.

    Returns:
        The configuration, and the overrides that did so, sorted, separated by commas.
    """
    space, fixing = config.space, []
    for override in overrides:
        section, _, name = override.partition("=")[0].partition(".")
        entries = getattr(space, section, None)
        if section in SECTIONS and entries and name in entries:
            space = replace(space, **{section: {key: entry for key, entry in entries.items() if key != name}})
            fixing.append(override)
    return replace(config, space=space), ",".join(sorted(fixing))


def explain(error: Exception) -> str:
    """Returns one sentence for an error of composition: what was given and what is allowed."""
    chain = list(_causes(error))
    for cause in chain:
        match cause:
            case MissingConfigException() if cause.missing_cfg_file:
                return _missing_option(cause)
            case OverrideParseException():
                return _unreadable(cause.override)
            case ConfigAttributeError() | ConfigKeyError():
                return _unknown_key(cause)
            case MissingMandatoryValue():
                return f"{cause.full_key} has no value; give it one: {cause.full_key}=…"
            case ValidationError() if "$VALUE" not in str(
                cause
            ):  # omegaconf fills its template in one cause further out
                return _wrong_type(cause, chain)
        if "Ambiguous value for argument" in str(cause):
            return _unreadable(str(cause).split("'")[1])
        if isinstance(cause, YAMLError):
            return f"A configuration file is not YAML: {' '.join(str(cause).split())}."
        if "Config group override must be" in str(cause):
            return "A config group takes the name of one of its options, as in sampler=tpe or tracking=none."
        if "does not support deletion" in str(cause):
            return "Only params can be deleted, one by one, as in ~space.train.lr; groups and settings stay."
    return _one_line(str(chain[0]))


def is_composition_error(error: Exception) -> bool:
    """Returns whether `error` is about the configuration, so that `explain` has a sentence for it."""
    return isinstance(error, HydraException | ConfigCompositionException | OmegaConfBaseException)


def _refuse_unread(given: object, config: object, path: str) -> None:
    """Refuses keys that were added with `+` and would be dropped without a word."""
    if not isinstance(given, Mapping):
        return
    if is_dataclass(config):
        known = {field.name: getattr(config, field.name) for field in fields(config)}
    elif isinstance(config, Mapping):
        known = dict(config)
    else:
        return
    for key, value in given.items():
        where = f"{path}.{key}" if path else str(key)
        if key not in known:
            raise ValueError(f"{where} is not a setting{_suggestion(str(key), known)}; remove it.")
        _refuse_unread(value, known[key], where)


def _keys(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            where = f"{path}.{key}" if path else str(key)
            yield where, str(key)
            yield from _keys(value, where)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields the causes of `error`, the innermost first."""
    inner = error.__cause__ or error.__context__
    if inner is not None:
        yield from _causes(inner)
    yield error


def _unreadable(override: str) -> str:
    path, equals, value = override.partition("=")
    if not equals:
        return f"The override '{override}' cannot be read; write path=value."
    return (
        f"The override '{override}' cannot be read; a value with spaces or signs needs two pairs of quotes, "
        f"""'{path}="{value}"', and a list brackets, '{path}=[a,b]'."""
    )


def _missing_option(error: MissingConfigException) -> str:
    missing = str(error.missing_cfg_file)
    group, _, name = missing.rpartition("/")
    group = group.removeprefix("schema/")
    options = sorted(str(option) for option in error.options or [])
    if not group:
        return f"There is no configuration '{name}'."
    return f"{group}={name} does not exist; conf/{group} has {', '.join(options) or 'no option'}."


def _unknown_key(error: OmegaConfBaseException) -> str:
    where = str(error.full_key or error.key)
    known = {field.name: None for field in fields(error.object_type)} if is_dataclass(error.object_type) else {}
    parent = where.rpartition(".")[0]
    allowed = f"; {parent or 'the configuration'} has {', '.join(known)}" if known else ""
    if parent.endswith(".when"):
        return f"{parent} is new here; put a plus before it: '+{parent}={{param: model.n_hid, in: [64]}}'."
    section, _, name = parent.partition(".")
    if section == "space" and name and "." not in name:
        allowed = f"; add a param as '+{parent}={{{error.key}: {{type: float, low: 0.1, high: 1.0}}}}'"
    return f"{where} is not a setting{_suggestion(str(error.key), known)}{allowed}."


def _suggestion(key: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _wrong_type(error: ValidationError, chain: list[BaseException]) -> str:
    text = _one_line(str(error))
    where = str(error.full_key or "")
    override = next((_one_line(str(e)) for e in chain if "Error merging override" in str(e)), "")
    if not where and override:
        where = override.removeprefix("Error merging override ")
    if "is not a subclass of" in text:
        group = where.partition("=")[0] or "The top of a configuration file"
        return f"{group} is a group of settings, not a value; set one inside it, as in space.train.lr.high=0.05."
    if "is not a ListConfig" in text:
        key, _, value = where.partition("=")
        return f"{where or 'A setting'} must be a list, as in {key or 'samplers'}=[{value or 'a,b'}]."
    return f"{where}: {text.rstrip('.')}." if where else f"{text.rstrip('.')}."


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "The configuration cannot be composed."
