"""Says in a sentence why a configuration cannot be composed: what was given, what is allowed, what to do.

Composing it is `compose`'s business.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import get_type_hints

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    GrammarParseError,
    InterpolationResolutionError,
    KeyValidationError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    UnsupportedInterpolationType,
    ValidationError,
)
from yaml import YAMLError

from hpo.config.bounds import TooMuch
from hpo.config.overrides import unreadable
from hpo.config.registry import options
from hpo.config.schema import SECTIONS
from hpo.machine.errors import causes

PARAM = "{type: float, low: 1.0e-4, high: 0.1, log: true}"  # as people write one
TEMPLATE = re.compile(r"\$(VALUE|KEY)")
GROUP = "{where} is a group of settings, not a value; set one inside it, as in space.train.lr.high=0.05."
NO_BOOL = "{where}={given} is neither true nor false; give one of them."
KNOWN = {
    "Config group override must be": "A config group takes the name of one of its options, as in sampler=tpe or "
    "tracking=none.",
    "does not support deletion": "Only params can be deleted, one by one, as in '~space.train.lr'.",
    "Could not delete from config": "{quoted} is not there and cannot be deleted; --cfg job shows what is.",
    "No match in the defaults list": "{quoted} is no group here; --help lists the groups.",
    "Cannot merge DictConfig with ListConfig": GROUP,
    "Could not append to config": "{quoted} is there already; leave out the plus.",
    "Invalid loaded object type": "A configuration file holds a single value; write settings into it, one KEY: VALUE "
    "to a line.",
    "defaults must be a list": "The defaults of the configuration file {quoted} are no list; write - GROUP: OPTION.",
    "Expected header format": "The first line of a configuration file is no package; write '# @package _global_'.",
    "Too many components in": "The first line of a configuration file is no package; write '# @package _global_'.",
    "in defaults": "The defaults of a configuration file have an entry that is none; write - GROUP: OPTION.",
}


def explain(error: Exception) -> str:
    """Returns one sentence for an error of composition: what was given and what is allowed."""
    chain = list(causes(error))[::-1]  # the innermost first
    sentence = next(filter(None, (_sentence(cause, chain) for cause in chain)), "")
    if not sentence:
        text = _one_line(str(chain[0])).rstrip(".")
        sentence = f"{text}." if is_composition_error(error) else f"The configuration cannot be composed: {text}."
    file = _file(chain)
    if file.startswith("space/"):
        sentence = _of_space_file(chain, sentence)
    return f"{sentence.rstrip('.')} (in {file}.yaml)." if file else sentence


def _sentence(cause: BaseException, chain: list[BaseException]) -> str:
    """Returns what is to be said of an error with one of its causes; "" if that one says nothing."""
    match cause:
        case MissingConfigException() if cause.missing_cfg_file:
            return _missing_option(cause)
        case OverrideParseException():
            return unreadable(cause.override)
        case ConfigAttributeError() | ConfigKeyError():
            return _unknown_key(cause)
        case MissingMandatoryValue():
            kinds = " (float, int or categorical)" if re.fullmatch(r"space\..+\.type", cause.full_key or "") else ""
            return f"{cause.full_key} has no value; give it one{kinds}: {cause.full_key}=…"
        case InterpolationResolutionError() | GrammarParseError() | UnsupportedInterpolationType():
            return _unresolved(cause, chain)
        case ValidationError() if not TEMPLATE.search(str(cause)):  # filled in one cause further out
            return _wrong_type(cause, chain)
        case KeyValidationError() if not TEMPLATE.search(str(cause)):
            return f"{_where(chain)} has a key that is no text; write a name, in quotes if need be."
        case TooMuch():
            return str(cause)
        case YAMLError():
            return f"A configuration file is not YAML: {' '.join(str(cause).split()).rstrip('.')}."
        case RecursionError():
            return "A configuration file holds itself, or is nested too deeply; write out what its anchors stand for."
        case UnicodeDecodeError():
            return f"A configuration file is not UTF-8: {cause.reason} at byte {cause.start}; save it as UTF-8."
    for words, sentence in KNOWN.items():
        if words in str(cause):
            quoted = re.search("'([^']+)'", str(cause))
            return sentence.format(where=_where(chain), quoted=quoted[1] if quoted else "What was given")
    return ""


def _of_space_file(chain: list[BaseException], sentence: str) -> str:
    """Returns what is to be said of the mistakes that people make in the file of a space; `sentence` of others."""
    where, text = _where(chain), " ".join(map(str, chain))
    section, _, name = where.partition(".")[2].partition(".")
    is_key = any(isinstance(cause, ConfigKeyError | ConfigAttributeError) for cause in chain)
    if is_key and section and not name and section not in SECTIONS:
        return (
            f"{section} stands on the top level of a space; put it below params if it is an argument of your function, "
            f"as in params: {{{section}: {PARAM}}}, else below train or model."
        )
    if "." not in name and ("ListConfig" in text or "is not a subclass of" in text or "Cannot assign" in text):
        return (
            f"A param is written with its type, not as a list or a number: lr: {PARAM}, "
            "or width: {type: categorical, choices: [64, 128]}."
        )
    if section in SECTIONS and not name and "cannot be null" in sentence:
        return f"{where} has nothing below it; write a param a line, as in lr: {PARAM}, or leave {section} out."
    return sentence


def is_composition_error(error: Exception) -> bool:
    """Returns whether `error` is one that Hydra or omegaconf raises on purpose."""
    return isinstance(error, HydraException | OmegaConfBaseException)


def _missing_option(error: MissingConfigException) -> str:
    missing = str(error.missing_cfg_file)
    group, _, name = missing.rpartition("/")
    group = group.removeprefix("schema/")
    options = sorted(str(option) for option in error.options or [])
    if not options:
        return f"There is no configuration file {missing}.yaml."
    return f"{group}={name} does not exist; conf/{group} has {', '.join(options)}."


def _unknown_key(error: OmegaConfBaseException) -> str:
    where = str(error.full_key or error.key)
    settings = {field.name: None for field in fields(error.object_type)} if is_dataclass(error.object_type) else {}
    parent = where.rpartition(".")[0]
    if "." in str(error.key):
        section, _, name = str(error.key).partition(".")
        return f"A file has no paths: write {section}: {{{name}: …}} in the place of {error.key}."
    if where == "experiment":
        return "An experiment file sets things anywhere, so it has to begin with the line '# @package _global_'."
    allowed = f"; {parent or 'the configuration'} has {', '.join(settings)}" if settings else ""
    if parent.endswith(".when"):
        return f"{parent} is new here; put a plus before it: '+{parent}={{param: model.n_hid, in: [64]}}'."
    section, _, name = parent.partition(".")
    if section == "space" and name and "." not in name:
        allowed = f"; add a param as '+{parent}={{{error.key}: {{type: float, low: 0.1, high: 1.0}}}}'"
    if owners := [name for name, option in options().get(parent, {}).items() if error.key in _names(option)]:
        return f"{where} is a setting of {parent}={' and '.join(owners)} alone; choose that, too, or leave it out."
    homes = list(_homes(where, error.object_type)) if settings and not parent else []
    meant = f" (did you mean {' or '.join(homes)}?)" if homes else suggestion(str(error.key), settings)
    return f"{where} is not a setting{meant}{allowed}."


def _names(section: type) -> set[str]:
    return {field.name for field in fields(section)} if is_dataclass(section) else set()


def _homes(name: str, section: object, path: str = "") -> Iterator[str]:
    """Yields the paths of settings of that name in the sections below `section`."""
    for field, kind in get_type_hints(section).items() if isinstance(section, type) and is_dataclass(section) else ():
        if field == name and path:
            yield f"{path}.{field}"
        yield from _homes(name, kind, f"{path}.{field}" if path else field)


def suggestion(key: str, names: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(key, list(names), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _wrong_type(error: ValidationError, chain: list[BaseException]) -> str:
    text = _one_line(str(error)).rstrip(".").replace("DictConfig", "mapping").replace("ListConfig", "list")
    override, where = _override(chain), _where(chain)
    if override.startswith("+space.") and override.partition("=")[0].count(".") == 2:
        path, name = override.lstrip("+").partition("=")[0].rsplit(".", 1)
        return f"A param is added as a whole: '+{path}={{{name}: {{type: float, low: 0.1, high: 1.0}}}}'."
    if "is not a list" in text:
        return f"{where} takes a list; write it in brackets, as in [a,b]."
    if "is not a subclass of" in text or "Cannot assign" in text:
        return GROUP.format(where=where)
    if "is not Optional" in text or "Incompatible value 'None'" in text:
        return f"{where} cannot be null; give it a value."
    if match := re.match(r"Value (.+) is not a valid bool \(type (?:str|int|float)\)", text):
        return NO_BOOL.format(where=where, given=match[1])
    return f"{where}: {text}."


def _unresolved(cause: BaseException, chain: list[BaseException]) -> str:
    """Returns the sentence for an interpolation that stands for nothing."""
    text = _one_line(str(cause)).rpartition(" raised while resolving interpolation: ")[2].rstrip(".")
    return f"{_where(chain)} has an interpolation that stands for nothing: {text}."


def _where(chain: list[BaseException]) -> str:
    """Returns what an error is about: the path of a setting, else an override's, else all of a file."""
    paths = (str(getattr(error, "full_key", None) or "") for error in chain)
    return (
        next((path for path in paths if path not in ("", "_dummy_")), "")
        or _override(chain).partition("=")[0]
        or "The top of a configuration file"
    )


def _override(chain: list[BaseException]) -> str:
    """Returns the override that an error is about, "" if it does not say."""
    lines = (_one_line(str(error)) for error in chain)
    return next((line.partition("override ")[2] for line in lines if "Error merging override" in line), "")


def _file(chain: list[BaseException]) -> str:
    """Returns the configuration file that an error was found in, without its ending; "" if none is named."""
    matches = (re.match("In '([^']+)': ", str(error)) for error in chain)
    return next((match[1] for match in matches if match and "/" in match[1]), "")


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "no reason is given"
