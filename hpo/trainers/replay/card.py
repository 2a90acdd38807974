"""The card of a table of recorded learning curves: a YAML file that says what its columns mean.

Whether the columns are there is found out by `table`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hpo.config.metric import KNOWN, Direction
from hpo.config.search import ParamValue
from hpo.contracts.records import test_name

NOT_OPTIMISED = "train_loss"
DIRECTIONS = tuple(Direction)
TYPES = ("float", "int", "categorical")
MATCHINGS = ("exact", "nearest")
SECONDS_ARE = ("each", "cumulative")
KEYS = ("params", "metrics", "test", "direction", "first", "seconds", "seconds_are", "seed", "matching", "fidelity")
PARAM_KEYS = ("type", "log", "low", "high", "choices")


@dataclass(frozen=True)
class CardParam:
    """What the card says of one param; None is left to the table.

    Attributes:
        type: float, int or categorical.
        log: Whether it is searched, and distances are measured, on a log scale.
        low, high: Its range.
        choices: Its values, when it is categorical.
    """

    type: str | None = None
    log: bool = False
    low: float | None = None
    high: float | None = None
    choices: tuple[ParamValue, ...] | None = None


@dataclass(frozen=True)
class CurveCard:
    """What the columns of a table of recorded curves mean.

    Attributes:
        params: By the name of their column.
        metrics: The list column of each metric.
        directions: Which way each that can be optimised is better.
        test: The column of each test metric: a list, or a number for the end of the curve.
        first: Index of the first usable entry of the lists: 1 where entry 0 is the untrained network.
        seconds: What an epoch takes: a column of lists or of numbers, or one number for all; None if unknown.
        seconds_are: "each" for those of single epochs, "cumulative" for those since the training began (a number: of
            all); None if the card does not say.
        seed: The column that tells several recordings of one configuration apart; None without.
        matching: "exact" for a finite list of configurations, "nearest" to let proposals be anywhere.
        fidelity: What an entry of a list is called, in the plural.
    """

    params: Mapping[str, CardParam]
    metrics: Mapping[str, str]
    directions: Mapping[str, str]
    test: Mapping[str, str] = field(default_factory=dict)
    first: int = 0
    seconds: str | float | None = None
    seconds_are: str | None = None
    seed: str | None = None
    matching: str = "exact"
    fidelity: str = "epochs"


def read_card(path: Path) -> CurveCard:
    """Returns the card in the YAML file `path`.

    Raises:
        ValueError: in one sentence, if it cannot be read or says something that makes no sense.
    """
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(
            f"There is no card {path}; write one that says which columns are params and curves, or give trainer.card."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"The card {path} cannot be read: {error}.") from error
    except yaml.YAMLError as error:
        raise ValueError(f"The card {path} is not YAML: {' '.join(str(error).split())}.") from error
    try:
        return _read(given)
    except ValueError as error:
        raise ValueError(f"The card {path}: {error}") from error


def _read(given: Any) -> CurveCard:
    card = _mapping("the card", given, KEYS)
    for key in ("params", "metrics", "direction"):
        if not card.get(key):
            raise ValueError(f"{key} is missing; a card needs params, metrics and direction.")
    metrics = _columns("metrics", card["metrics"])
    if "" in metrics:
        raise ValueError("metrics has an empty name; name each metric, as in {accuracy: COLUMN}.")
    if not set(metrics) - {NOT_OPTIMISED}:
        raise ValueError(f"metrics has nothing to optimise; map one of {', '.join(KNOWN)} or of your own to a column.")
    params = _mapping("params", card["params"])
    fidelity = _mapping("fidelity", card.get("fidelity") or {}, ("name",))
    return CurveCard(
        params={name: _param(f"params.{name}", entry) for name, entry in params.items()},
        metrics=metrics,
        directions=_directions(card["direction"], metrics),
        test=_columns("test", card.get("test") or {}, [test_name(metric) for metric in {**KNOWN, **metrics}]),
        first=_first(card.get("first")),
        seconds=_seconds(card.get("seconds")),
        seconds_are=_optional("seconds_are", card.get("seconds_are"), SECONDS_ARE),
        seed=None if card.get("seed") is None else _text("seed", card["seed"]),
        matching=_one_of("matching", card.get("matching", "exact"), MATCHINGS),
        fidelity=_text("fidelity.name", fidelity.get("name", "epochs")),
    )


def _param(where: str, given: Any) -> CardParam:
    entry = _mapping(where, given or {}, PARAM_KEYS)
    kind = None if entry.get("type") is None else _one_of(f"{where}.type", entry["type"], TYPES)
    log, choices = entry.get("log", False), entry.get("choices")
    low, high = (_number(f"{where}.{key}", entry.get(key)) for key in ("low", "high"))
    if not isinstance(log, bool):
        raise ValueError(f"{where}.log={log!r} must be true or false.")
    if choices is not None and (not isinstance(choices, list) or not choices):
        raise ValueError(f"{where}.choices={choices!r} must be a list of values.")
    if choices is not None and kind not in (None, "categorical"):
        raise ValueError(f"{where} has choices but type {kind}; set type: categorical or leave the choices out.")
    if (kind == "categorical" or choices is not None) and (log or low is not None or high is not None):
        raise ValueError(f"{where} is categorical, which has neither low, high nor log; leave them out.")
    if low is not None and high is not None and low > high:
        raise ValueError(f"{where} has low={low:g} above high={high:g}; swap them.")
    kind = "categorical" if choices is not None else kind
    return CardParam(kind, log, low, high, None if choices is None else tuple(choices))


def _directions(given: Any, metrics: Mapping[str, str]) -> dict[str, str]:
    """Returns the direction of each metric; one word stands for all that are there to be optimised."""
    if isinstance(given, Mapping):
        named = _mapping("direction", given, tuple(metrics))
        return {metric: _one_of(f"direction.{metric}", word, DIRECTIONS) for metric, word in named.items()}
    word = _one_of("direction", given, DIRECTIONS)
    return {metric: word for metric in metrics if metric != NOT_OPTIMISED}


def _columns(where: str, given: Any, allowed: Sequence[str] | None = None) -> dict[str, str]:
    return {key: _text(f"{where}.{key}", column) for key, column in _mapping(where, given, allowed).items()}


def _first(given: Any) -> int:
    if given is None:
        return 0
    if type(given) is not int or given < 0:
        raise ValueError(f"first={given!r} must be the index of a list entry: 0, 1, …")
    return given


def _seconds(given: Any) -> str | float | None:
    if given is None or (isinstance(given, str) and _as_number(given) is None):
        return given
    seconds = _number("seconds", given)
    if seconds is None or seconds < 0:
        raise ValueError(f"seconds={given!r} must be a column or the seconds of an epoch, at least 0.")
    return seconds


def _mapping(where: str, given: Any, allowed: Sequence[str] | None = None) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError(f"{where} must be keys with values, as in {{key: value}}; given was {given!r}.")
    for key in given:
        if allowed is not None and key not in allowed:
            close = difflib.get_close_matches(str(key), allowed, n=1)
            meant = f" (did you mean {close[0]}?)" if close else ""
            raise ValueError(f"{where} has {key!r}, which is no key of it{meant}; allowed are {', '.join(allowed)}.")
    return {str(key): value for key, value in given.items()}


def _one_of(where: str, given: Any, allowed: Sequence[str]) -> str:
    if given not in allowed:
        raise ValueError(f"{where}={given!r} must be one of {', '.join(allowed)}.")
    return str(given)


def _optional(where: str, given: Any, allowed: Sequence[str]) -> str | None:
    return None if given is None else _one_of(where, given, allowed)


def _text(where: str, given: Any) -> str:
    if not isinstance(given, str) or not given:
        raise ValueError(f"{where}={given!r} must be a name.")
    return given


def _number(where: str, given: Any) -> float | None:
    if given is None:
        return None
    number = _as_number(given)
    if number is None or not math.isfinite(number):
        raise ValueError(f"{where}={given!r} must be a finite number.")
    return number


def _as_number(given: Any) -> float | None:
    """Returns `given` as a number; YAML takes 1e-3 for a text."""
    try:
        return None if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        return None
