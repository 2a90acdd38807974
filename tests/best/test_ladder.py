"""What the ladder may spend, and which steps cannot pay."""

from __future__ import annotations

import pytest

from hpo.best.ladder import AWD_LSTM, BASELINE, DOMAIN, LINEAR, Allowance, read_allowance, skipped

NOTHING = {"hours": "", "trials": "", "shares": "", "steps": ""}
MANY = {"n_train": 50_000, "n_valid": 2_500, "n_tokens": 2_000_000, "encoder_epochs": 10}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Give either hours=2"),
        ({"hours": "2", "trials": "3"}, "Give either hours=2"),
        ({"hours": "0"}, "hours=0 must be a number of hours above 0"),
        ({"hours": "nan"}, "hours=nan must be"),
        ({"hours": "two"}, "hours=two must be"),
        ({"trials": "1.5"}, "trials=1.5 must be a whole number"),
        ({"trials": "0"}, "trials=0 must be a whole number of trials, at least 1"),
        ({"hours": "1", "steps": "[lstm]"}, "has lstm, which is none; give some of linear, awd_lstm, domain"),
        ({"hours": "1", "steps": "linear"}, "steps=linear must be like steps='\\[linear, awd_lstm\\]'"),
        ({"hours": "1", "shares": "{linear: 2}"}, "must say what each of"),
        ({"trials": "9", "shares": "{linear: 0.5}"}, "must say what each of"),
        ({"hours": "1", "shares": "{domain: 0.9}"}, "leave the steps more than all of the time"),
        ({"hours": "1", "shares": "{ensemble: 0.1}"}, "must say what each of"),
    ],
)
def test_what_is_nothing_to_go_by_is_refused(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_allowance(NOTHING | given)


def test_shares_are_read_as_hydra_writes_them() -> None:
    allowance = read_allowance(NOTHING | {"trials": "9", "shares": "{linear:4,awd_lstm:2}"})
    assert [allowance.of(step) for step in (LINEAR, AWD_LSTM, DOMAIN)] == [4, 2, 2]
    assert allowance.words(AWD_LSTM) == ["study.n_trials=2"]
    assert allowance.words(BASELINE) == ["study.n_trials=1"]


def test_a_trial_cannot_take_its_step_beyond_its_share() -> None:
    allowance = Allowance(hours=1.0)
    words = dict(word.split("=") for word in allowance.words(AWD_LSTM))
    assert float(words["study.timeout_s"]) + float(words["trial.timeout_s"]) == pytest.approx(allowance.of(AWD_LSTM))
    assert sum(allowance.of(step) for step in (LINEAR, AWD_LSTM, DOMAIN)) < 3600


@pytest.mark.parametrize(
    ("step", "changed", "reason"),
    [
        (LINEAR, {}, ""),
        (AWD_LSTM, {}, ""),
        (DOMAIN, {}, ""),
        (LINEAR, {"n_valid": 60}, "valid has 60 texts"),
        (AWD_LSTM, {"n_train": 900}, "900 texts to train on are too few"),
        (DOMAIN, {"n_tokens": 9_000}, "9,000 tokens are too few"),
    ],
)
def test_a_step_that_cannot_pay_is_skipped(step: str, changed: dict[str, int], reason: str) -> None:
    found = skipped(step, Allowance(trials=9), MANY | changed, tokens_per_s=None)
    assert (found == "") if reason == "" else (reason in found)


def test_a_language_model_that_would_take_too_long_is_skipped() -> None:
    assert "would take about" in skipped(DOMAIN, Allowance(hours=1.0), MANY, tokens_per_s=10_000.0)
    assert skipped(DOMAIN, Allowance(hours=9.0), MANY, tokens_per_s=10_000.0) == ""


def test_a_time_too_short_for_any_step_leaves_the_baseline() -> None:
    short = Allowance(hours=0.001)
    assert all("is spent" in skipped(step, short, MANY, tokens_per_s=None) for step in (LINEAR, AWD_LSTM))


def test_what_is_spent_is_not_spent_again() -> None:
    allowance = Allowance(hours=1.0)
    assert skipped(AWD_LSTM, allowance, MANY, tokens_per_s=None, spent_s=3590.0) == "the time is spent"
    words = dict(word.split("=") for word in allowance.words(DOMAIN, spent_s=3000.0))
    assert float(words["study.timeout_s"]) + float(words["trial.timeout_s"]) == pytest.approx(600.0)


def test_steps_that_are_asked_for_are_tried_whatever_pays() -> None:
    asked = Allowance(trials=9, steps=(AWD_LSTM,))
    few = MANY | {"n_train": 9, "n_valid": 9}
    assert skipped(AWD_LSTM, asked, few, tokens_per_s=None) == ""
    assert skipped(LINEAR, asked, few, tokens_per_s=None) == "not asked for (steps=…)"
