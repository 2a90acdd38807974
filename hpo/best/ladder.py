"""The steps of the ladder as data: what each trains, what it may spend, and why one is skipped.

Driving them is `running`'s business.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

BASELINE, LINEAR, AWD_LSTM, DOMAIN = "baseline", "linear", "awd_lstm", "domain"
SEARCHES = (LINEAR, AWD_LSTM, DOMAIN)
LIKE_BASELINE = {
    "params.words": 2,
    "params.chars": 0,
    "params.min_df": 1,
    "params.weighting": "both",
    "params.C": 30.0,
    "train.class_weights": "none",
}


def _entry(params: Mapping[str, object]) -> str:
    return "{" + ", ".join(f"{path}: {value}" for path, value in params.items()) + "}"


WORDS: Mapping[str, tuple[str, ...]] = {
    BASELINE: (
        "trainer=linear",
        "space=linear",
        "train.epochs=1",
        *(f"{path}={value}" for path, value in LIKE_BASELINE.items()),
    ),
    LINEAR: (
        "trainer=linear",
        "space=linear",
        "study.enqueue=[" + ", ".join(_entry({**LIKE_BASELINE, "params.C": C}) for C in (30.0, 10.0, 100.0)) + "]",
    ),
    AWD_LSTM: ("trainer=awd_lstm", "space=awd_lstm_small"),
    DOMAIN: ("trainer=awd_lstm", "space=awd_lstm_small", "model.encoder=domain", "model.n_hid=128", "model.bidir=true"),
}
"""What to type for each step, beside its budget and what all have in common."""

TIME_SHARES = {LINEAR: 0.15, AWD_LSTM: 0.3, DOMAIN: 0.5}  # the rest is for tests and the ensemble
TRIAL_SHARES = {LINEAR: 1.0, AWD_LSTM: 1 / 3, DOMAIN: 1 / 6}
LONGEST_TRIAL = 0.4  # of the time of a step: no trial begins in the last part, and none takes longer than that part
FEW_TEXTS = 2_000  # of the train part: with fewer, networks from scratch lose to linear models by far
FEW_VALID = 100  # texts of the valid part: with fewer, a difference of ten percent may be chance
FEW_TOKENS = 500_000  # that a language model needs to learn more from than a classifier does
SHORTEST_S = {LINEAR: 5.0, AWD_LSTM: 60.0, DOMAIN: 300.0}


@dataclass(frozen=True)
class Allowance:
    """What the ladder may spend: hours, or the trials of its longest search; exactly one of them.

    Attributes:
        hours: In all; None: what is counted is trials.
        trials: Those of the linear search, others have fewer; None: what is counted is time.
        shares: Of each search: a share of the time, or its number of trials; those that are left out are as usual.
        steps: The searches that are to be tried; None: those that can pay.
    """

    hours: float | None = None
    trials: int | None = None
    shares: Mapping[str, float] | None = None
    steps: tuple[str, ...] | None = None

    def of(self, step: str) -> float:
        """Returns the seconds, or the trials, of a search."""
        given = (self.shares or {}).get(step)
        if self.hours is not None:
            return 3600 * self.hours * (TIME_SHARES[step] if given is None else given)
        return max(1, math.ceil((self.trials or 1) * TRIAL_SHARES[step])) if given is None else given

    def left_s(self, spent_s: float) -> float:
        """Returns the seconds that are left of the whole; without end where trials are counted."""
        return math.inf if self.hours is None else 3600 * self.hours - spent_s

    def words(self, step: str, *, spent_s: float = 0.0) -> list[str]:
        """Returns what to type for the budget of a step, before which so many seconds were spent."""
        if step == BASELINE:
            return ["study.n_trials=1"]
        if self.hours is None:
            return [f"study.n_trials={int(self.of(step))}"]
        seconds = min(self.of(step), self.left_s(spent_s))
        longest = LONGEST_TRIAL * seconds
        return [
            "study.n_trials=null",
            f"study.timeout_s={seconds - longest:g}",
            f"trial.timeout_s={longest:g}",
            "study.stop.stagnation=15",
        ]


def read_allowance(given: Mapping[str, str]) -> Allowance:
    """Returns what `hours`, `trials`, `shares` and `steps` allow, as they were typed; "" for what was not.

    Raises:
        ValueError: In a sentence, if that is nothing to go by.
    """
    hours, trials = given["hours"], given["trials"]
    if bool(hours) == bool(trials):
        raise ValueError("Give either hours=2, what it may take in all, or trials=24, which is reproducible.")
    steps = _read("steps", given["steps"], list)
    for step in steps or ():
        if step not in SEARCHES:
            raise ValueError(f"steps={given['steps']} has {step}, which is none; give some of {', '.join(SEARCHES)}.")
    shares = _read("shares", given["shares"], dict)
    for step, share in (shares or {}).items():
        is_number = isinstance(share, int | float) and not isinstance(share, bool)
        if step not in SEARCHES or not is_number or not (0 < share < 1 if hours else share == int(share) >= 1):
            example = "{linear: 0.2, awd_lstm: 0.3}" if hours else "{linear: 24, awd_lstm: 6}"
            raise ValueError(
                f"shares={given['shares']} must say what each of {', '.join(SEARCHES)} may spend, as in {example}."
            )
    if hours and sum((shares or {}).get(step, TIME_SHARES[step]) for step in SEARCHES) > 1:
        raise ValueError(f"shares={given['shares']} leave the steps more than all of the time; lower them.")
    return Allowance(
        hours=_number("hours", hours, lowest=1e-6) if hours else None,
        trials=int(_number("trials", trials, lowest=1)) if trials else None,
        shares=shares,
        steps=None if steps is None else tuple(steps),
    )


def skipped(
    step: str, allowance: Allowance, facts: Mapping[str, Any], *, tokens_per_s: float | None, spent_s: float = 0.0
) -> str:
    """Returns why a search is not tried; "" if it is.

    Args:
        step: Which.
        allowance: What may be spent.
        facts: n_train, n_valid and n_tokens of the data, and `encoder_epochs`.
        tokens_per_s: How fast the network trained in the step before; None if that is not known.
        spent_s: Seconds that the steps before took.
    """
    if allowance.left_s(spent_s) < SHORTEST_S[step]:
        return "the time is spent"
    if allowance.steps is not None:
        return "" if step in allowance.steps else "not asked for (steps=…)"
    if facts["n_valid"] < FEW_VALID:
        return f"valid has {facts['n_valid']:,} texts (fewer than {FEW_VALID}), by which nothing better could be chosen"
    if step == LINEAR:
        return _too_short(step, allowance)
    if facts["n_train"] < FEW_TEXTS:
        return f"{facts['n_train']:,} texts to train on are too few for a network (fewer than {FEW_TEXTS:,})"
    if step == DOMAIN and facts["n_tokens"] < FEW_TOKENS:
        return f"{facts['n_tokens']:,} tokens are too few for a language model (fewer than {FEW_TOKENS:,})"
    if step == DOMAIN and allowance.hours is not None and tokens_per_s:
        needed_s = 2 * facts["encoder_epochs"] * facts["n_tokens"] / tokens_per_s
        if needed_s > allowance.of(step) / 2:
            return (
                f"two language models would take about {needed_s / 60:.0f} minutes at the {tokens_per_s:,.0f} tokens a "
                f"second that the network read, more than half of its {allowance.of(step) / 60:.0f}"
            )
    return _too_short(step, allowance)


def _too_short(step: str, allowance: Allowance) -> str:
    if allowance.hours is not None and allowance.of(step) < SHORTEST_S[step]:
        return f"its {allowance.of(step):.0f} seconds are too few for a trial (fewer than {SHORTEST_S[step]:.0f})"
    return ""


def _read(key: str, text: str, kind: type) -> Any:
    """Returns a list or a mapping as it is typed; None where nothing is."""
    if not text:
        return None
    try:
        found = yaml.safe_load(re.sub(r":(?=\S)", ": ", text))  # as Hydra takes it, {a:1}
    except yaml.YAMLError:
        found = text
    if not isinstance(found, kind):
        example = "[linear, awd_lstm]" if kind is list else "{linear: 0.2, awd_lstm: 0.3}"
        raise ValueError(f"{key}={text} must be like {key}='{example}'.")
    return found


def _number(key: str, text: str, *, lowest: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < lowest or (key == "trials" and value != int(value)):
        what = (
            "a whole number of trials, at least 1" if key == "trials" else "a number of hours above 0, as in hours=0.5"
        )
        raise ValueError(f"{key}={text} must be {what}.")
    return value
