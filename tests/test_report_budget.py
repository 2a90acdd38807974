"""Which trials count."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.report.budget import costs, counted, incumbent
from hpo.report.records import Trial

COMPLETE = Trial(number=0, state="COMPLETE", value=0.5, epochs=3, seconds=30.0, ended_s=30.0)
TRIALS = (
    COMPLETE,
    replace(COMPLETE, number=2, state="PRUNED", value=0.1, epochs=1, ended_s=40.0),
    replace(COMPLETE, number=1, state="FAIL", value=None, epochs=2, ended_s=70.0),
    replace(COMPLETE, number=3, value=0.4, epochs=4, ended_s=110.0),
    replace(COMPLETE, number=4, state="RUNNING", value=None, epochs=1, ended_s=None),
)


@pytest.mark.parametrize(
    ("unit", "budget", "numbers"),
    [
        ("epochs", 6, [0, 2, 1]),
        ("epochs", 9.9, [0, 2, 1]),
        ("epochs", 10, [0, 2, 1, 3]),
        ("trials", 3, [0, 2, 1]),
        ("seconds", 69, [0, 2]),
        ("seconds", 1e9, [0, 2, 1, 3]),
        ("epochs", 0, []),
    ],
)
def test_trials_that_ended_within_the_budget_count(unit, budget, numbers) -> None:
    assert [trial.number for trial in counted(TRIALS, unit=unit, budget=budget)] == numbers


def test_a_budget_of_tenths_is_not_missed_by_rounding() -> None:
    trials = [replace(COMPLETE, number=number, epochs=0.1) for number in range(10)]
    assert len(counted(trials, unit="epochs", budget=1.0)) == 10


def test_failed_and_pruned_trials_are_charged() -> None:
    assert costs(TRIALS, unit="epochs") == [3, 4, 6, 10]
    assert costs(TRIALS, unit="trials") == [1, 2, 3, 4]
    assert costs(TRIALS, unit="seconds") == [30, 40, 70, 110]


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="epochs, trials, seconds"):
        counted(TRIALS, unit="hours", budget=1)


def test_a_pruned_trial_is_no_incumbent() -> None:
    best = incumbent(TRIALS, sign=1.0)
    assert best is not None
    assert best.number == 3
    assert incumbent(TRIALS[1:3], sign=1.0) is None


def test_the_sign_turns_the_direction_and_the_earlier_of_equals_stays() -> None:
    best = incumbent(TRIALS, sign=-1.0)
    assert best is not None
    assert best.number == 0
    equal = (COMPLETE, replace(COMPLETE, number=9))
    assert incumbent(equal, sign=1.0) is COMPLETE
