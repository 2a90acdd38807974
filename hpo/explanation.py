"""Says in a sentence why a configuration cannot be composed: what was given, what is allowed, what to do.

Composing it is `compose`'s business.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import get_type_hints

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    GrammarParseError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
    ValidationError,
)
from yaml import YAMLError

from hpo.arguments import unreadable

GROUP = "{} is a group of settings, not a value; set one inside it, as in space.train.lr.high=0.05."
KNOWN = {
    "Config group override must be": "A config group takes the name of one of its options, as in sampler=tpe or "
    "tracking=none.",
    "does not support deletion": "Only params can be deleted, one by one, as in '~space.train.lr'.",
    "Could not delete from config": "{} deletes what is not there; --cfg job shows what is.",
    "Cannot merge DictConfig with ListConfig": GROUP,
}


def explain(error: Exception) -> str:
    """Returns one sentence for an error of composition: what was given and what is allowed."""
    chain = list(_causes(error))
    for cause in chain:
        match cause:
            case MissingConfigException() if cause.missing_cfg_file:
                return _missing_option(cause)
            case OverrideParseException():
                return unreadable(cause.override)
            case ConfigAttributeError() | ConfigKeyError():
                return _unknown_key(cause)
            case MissingMandatoryValue():
                return f"{cause.full_key} has no value; give it one: {cause.full_key}=…"
            case InterpolationResolutionError() | GrammarParseError() | UnsupportedInterpolationType():
                return _unresolved(chain)
            case ValidationError() if "$VALUE" not in str(cause):  # filled in one cause further out
                return _wrong_type(cause, chain)
            case YAMLError():
                return f"A configuration file is not YAML: {' '.join(str(cause).split()).rstrip('.')}."
        for words, sentence in KNOWN.items():
            if words in str(cause):
                return sentence.format(_override(chain) or "What was given")
    text = _one_line(str(chain[0])).rstrip(".")
    return f"{text}." if is_composition_error(error) else f"The configuration cannot be composed: {text}."


def is_composition_error(error: Exception) -> bool:
    """Returns whether `error` is one that Hydra or omegaconf raises on purpose."""
    return isinstance(error, HydraException | OmegaConfBaseException)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yields the causes of `error`, the innermost first."""
    inner = error.__cause__ or error.__context__
    if inner is not None:
        yield from _causes(inner)
    yield error


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
    homes = list(_homes(where, error.object_type)) if known and not parent else []
    meant = f" (did you mean {' or '.join(homes)}?)" if homes else suggestion(str(error.key), known)
    return f"{where} is not a setting{meant}{allowed}."


def _homes(name: str, section: object, path: str = "") -> Iterator[str]:
    """Yields the paths of settings of that name in the sections below `section`."""
    for field, kind in get_type_hints(section).items() if isinstance(section, type) and is_dataclass(section) else ():
        if field == name and path:
            yield f"{path}.{field}"
        yield from _homes(name, kind, f"{path}.{field}" if path else field)


def suggestion(key: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _wrong_type(error: ValidationError, chain: list[BaseException]) -> str:
    text = _one_line(str(error)).rstrip(".")
    override = _override(chain)
    where = str(error.full_key or "") or override
    if override.startswith("+space.") and override.count(".") == 2:
        path, name = override.lstrip("+").partition("=")[0].rsplit(".", 1)
        return f"A param is added as a whole: '+{path}={{{name}: {{type: float, low: 0.1, high: 1.0}}}}'."
    if "is not a ListConfig" in text:
        return f"{where.partition('=')[0]} takes a list; write it in brackets, as in [a,b]."
    if "is not a subclass of" in text or "Cannot assign" in text:
        return GROUP.format(where.partition("=")[0] or "The top of a configuration file")
    if "is not Optional" in text or "Incompatible value 'None'" in text:
        return f"{where} cannot be null; give it a value."
    return f"{where}: {text}." if where else f"{text}."


def _unresolved(chain: list[BaseException]) -> str:
    """Returns the sentence for an interpolation that stands for nothing."""
    outer = chain[-1]
    where = str(getattr(outer, "full_key", None) or "") or _override(chain) or "A setting"
    text = _one_line(str(outer)).rpartition(" raised while resolving interpolation: ")[2].rstrip(".")
    return f"{where} has an interpolation that stands for nothing: {text}."


def _override(chain: list[BaseException]) -> str:
    """Returns the override that an error is about, "" if it does not say."""
    lines = (_one_line(str(error)) for error in chain)
    return next((line.partition("override ")[2] for line in lines if "Error merging override" in line), "")


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "The configuration cannot be composed."
