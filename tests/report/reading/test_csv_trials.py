"""Rows of a CSV file as trials."""

from __future__ import annotations

import math

import pytest

from hpo.report.reading.csv_rows import TrialRow
from hpo.report.reading.csv_trials import read_trials

TEXTS = {
    "task": "t",
    "strategy": "tpe",
    "seed": "3",
    "trial": "4",
    "value": "0.5",
    "state": "ok",
    "epochs": "2",
    "seconds": "7.5",
    "param.lr": "0.1",
}


def row(line: int = 2, **changes: str) -> TrialRow:
    return TrialRow({**TEXTS, **changes}, f"records=a.csv line {line}")


def test_a_row_is_a_trial() -> None:
    read = read_trials([row(test="0.6")])[0]
    assert read.place == ("t", "tpe", 3)
    trial = read.trial
    assert (trial.number, trial.state, trial.value, trial.epochs, trial.seconds) == (4, "COMPLETE", 0.5, 2, 7.5)
    assert (trial.test, trial.ended_s, trial.reason, dict(trial.params)) == (0.6, None, None, {"lr": 0.1})


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "", "1.7976931348623157e308", "-1e101"])
def test_a_complete_trial_without_a_value_failed(value) -> None:
    read = read_trials([row(value=value)])[0]
    assert (read.trial.state, read.trial.value, read.is_imputed) == ("FAIL", None, True)
    assert read.trial.reason == ("diverged" if value else "no value")


def test_failed_trials_have_a_reason_and_no_value() -> None:
    reasons = [{"state": "failed"}, {"state": "oom"}, {"state": "error", "reason": "disk full"}]
    read = read_trials([row(trial=str(n), **given) for n, given in enumerate(reasons)])
    assert [each.trial.reason for each in read] == ["unknown", "oom", "disk full"]
    assert {each.trial.value for each in read} == {None}
    assert not any(each.is_imputed for each in read)


def test_what_was_not_measured_is_one_epoch_and_no_seconds() -> None:
    trial = read_trials([row(epochs="", seconds="NA", state="pruned", value="")])[0].trial
    assert (trial.epochs, trial.seconds, trial.value, trial.state) == (1.0, 0.0, None, "PRUNED")


@pytest.mark.parametrize(
    ("text", "continued"), [("0.25", 0.25), ("Diverged", math.inf), ("-inf", math.inf), ("", None), ("nan", None)]
)
def test_what_a_pruned_trial_would_have_come_to(text, continued) -> None:
    assert read_trials([row(state="pruned", continued=text)])[0].trial.continued == continued
    assert read_trials([row(state="ok", continued=text)])[0].trial.continued is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": "good"}, "line 2: value 'good' is not a number; write decimals with a point"),
        ({"state": "pruned", "continued": "bad"}, "line 2: continued 'bad' is not a number"),
        ({"value": "0,93"}, "line 2: value '0,93' is not a number"),
        ({"seed": "1.5"}, "line 2: seed '1.5' is not a whole number"),
        ({"seed": "-1"}, "line 2: seed -1 is negative"),
        ({"trial": ""}, "line 2: trial '' is not a whole number"),
        ({"epochs": "-2"}, "line 2: epochs -2 must be a finite number of at least 0"),
        ({"seconds": "inf"}, "line 2: seconds inf must be a finite number"),
        ({"state": "perhaps"}, "line 2: state 'perhaps' is unknown"),
        ({"strategy": ""}, "line 2: strategy is empty"),
    ],
)
def test_mistakes_are_told_with_their_line(changes, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_trials([row(**changes)])


def test_two_rows_for_one_trial_are_refused() -> None:
    with pytest.raises(ValueError, match=r"line 9 and records=a.csv line 2 are both trial 4 .* seed 3"):
        read_trials([row(), row(5, seed="4"), row(9)])
