"""What single fields of a CSV file of trials mean: states, numbers, params, as different tuners write them.

Rows are put together in `csv_trials`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from hpo.config.search import ParamValue
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING

STATES = {
    COMPLETE: "complete completed ok success successful succeeded done finished",
    PRUNED: "pruned stopped early-stopped killed cut donotadvance",
    FAIL: "fail failed failure error errored crashed exception diverged oom out-of-memory timeout timed-out lost "
    "invalid nan memout abandoned canceled cancelled user-canceled sys-canceled preempted",
    RUNNING: "running in-progress pending queued waiting started paused stopping candidate staged init",
}
REASONS = {  # words that also say why
    "diverged": "diverged",
    "nan": "diverged",
    "oom": "oom",
    "out-of-memory": "oom",
    "memout": "oom",
    "timeout": "timeout",
    "timed-out": "timeout",
    "crashed": "crash-loop",
}
DIVERGED = "diverged"
AMBIGUOUS = {  # words that tuners use for different states
    "terminated": "Ray Tune says it of trials that ended by themselves and of stopped ones; write COMPLETE or PRUNED, "
    "or say what it is here: report.states={terminated: COMPLETE}",
}
WORDS = {_word: state for state, words in STATES.items() for _word in words.split()}
PREFIX = re.compile(r"^(?:.*\.)?(?:trialstate|statustype|trialstatus|status)\.")
WHOLE = re.compile(r"[+-]?\d+")
TOO_LARGE = 2**53  # from here on floats do not hold every whole number
NOT_A_NUMBER = {"", "nan", "na", "n/a", "none", "null", "-", "<na>"}  # how writers spell a value that is not there


@lru_cache(maxsize=4096)
def state_word(text: str) -> str:
    """Returns a word for a state as it is compared: in lower case, hyphens between, the name of an enum taken off.

    Optuna writes TrialState.COMPLETE, SMAC StatusType.SUCCESS, Ax TrialStatus.COMPLETED, Syne Tune Status.completed.
    """
    return PREFIX.sub("", re.sub(r"[\s_-]+", "-", text.strip().casefold()))


def check_states(states: Mapping[str, object]) -> dict[str, str]:
    """Returns what was given as `report.states`: our state for each word of somebody else's.

    Raises:
        ValueError: if one is given a state that there is not.
    """
    unknown = next((word for word, state in states.items() if str(state).upper() not in STATES), None)
    if unknown is not None:
        raise ValueError(f"report.states.{unknown}={states[unknown]} is no state; allowed are {', '.join(STATES)}.")
    return {state_word(str(word)): str(state).upper() for word, state in states.items()}


def read_state(text: str, states: Mapping[str, str] = MappingProxyType({})) -> tuple[str, str | None]:
    """Returns a trial's state, and why it failed if the word says so.

    Args:
        text: As it is written.
        states: Our state for words of somebody else's; they come before those that are known.

    Raises:
        ValueError: if the word is unknown, with those that are known, or has several meanings.
    """
    word = state_word(text)
    if word in states:
        return states[word], REASONS.get(word) if states[word] == FAIL else None
    if word in AMBIGUOUS:
        raise ValueError(f"state {text!r} is ambiguous: {AMBIGUOUS[word]}")
    if word not in WORDS:
        raise ValueError(
            f"state {text!r} is unknown; write {', '.join(STATES)} or a word for it: {known_words()}; or say "
            f"what it is: 'report.states={{{text or chr(34) * 2}: COMPLETE}}'"
        )
    state = WORDS[word]
    return state, REASONS.get(word) if state == FAIL else None


def known_words() -> str:
    """Returns every word that is understood, by state."""
    return "; ".join(f"{state} is also {words.replace(' ', ', ')}" for state, words in STATES.items())


@lru_cache(maxsize=4096)
def is_empty(text: str) -> bool:
    """Returns whether a field says that there is no number."""
    return text.strip().casefold() in NOT_A_NUMBER


@lru_cache(maxsize=4096)
def read_number(text: str) -> float:
    """Returns a number; NaN where none is written.

    Raises:
        ValueError: if it is something else.
    """
    if is_empty(text):
        return math.nan
    if "_" in text:
        raise ValueError(text)
    return float(text)


@lru_cache(maxsize=4096)
def read_whole(text: str) -> int:
    """Returns a whole number, also when a table's writer made 3.0 of it.

    Raises:
        ValueError: if it is anything else.
    """
    if re.fullmatch(r"\s*[+-]?\d+(\.0*)?\s*", text):
        return int(text.partition(".")[0])
    raise ValueError(text)


def read_params(texts: list[str]) -> list[ParamValue | None]:
    """Returns the values of one param, None where it has none: whole numbers, numbers, truth values or else text.

    Whole numbers that a float cannot hold, such as seeds of 64 bits, are names rather than sizes: text.
    """
    given = [text for text in texts if text]
    for parse in (_whole, _number, _truth):
        try:
            parsed = {text: parse(text) for text in given}
        except ValueError:
            continue
        return [parsed[text] if text else None for text in texts]
    return [text or None for text in texts]


def _whole(text: str) -> ParamValue:
    if WHOLE.fullmatch(text) and abs(float(text)) < TOO_LARGE:
        return int(text)
    raise ValueError(text)


def _number(text: str) -> ParamValue:
    value = float(text) if "_" not in text else math.nan
    if math.isfinite(value) and (abs(value) < TOO_LARGE or not WHOLE.fullmatch(text)):
        return value
    raise ValueError(text)


def _truth(text: str) -> ParamValue:
    words = {"true": True, "false": False}
    if text.casefold() in words:
        return words[text.casefold()]
    raise ValueError(text)
