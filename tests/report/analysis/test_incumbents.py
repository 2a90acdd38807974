"""Which trials count."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.incumbents import (
    MOST_PLACES,
    Steps,
    best_trial,
    costs,
    counted,
    incumbent,
    places,
    rows_of,
    steps,
)
from hpo.report.analysis.records import Experiment, Study, Trial
from tests.support.noise_experiments import experiment, normal, study, trial

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


PRUNED = replace(trial(1, 0.0), state="PRUNED")
FAILED = trial(3, None, state="FAIL")
SEARCHED = (trial(0, 5.0, epochs=2), PRUNED, trial(2, 4.0, epochs=3), FAILED, trial(4, 4.5), trial(5, 3.0))


def one(**changes) -> tuple[Experiment, Study]:
    own = replace(study("tpe", 0, []), trials=SEARCHED, **changes)
    of = replace(
        experiment({"tpe": normal()}, rng=np.random.default_rng(0), n_seeds=1), studies=(own,), unit="epochs", budget=8
    )
    return of, own


def test_a_curve_changes_only_where_a_complete_trial_improves() -> None:
    curve = steps(*one())
    assert curve.costs.tolist() == [2, 6]
    assert curve.losses.tolist() == [5, 4]
    assert curve.end == 8
    assert curve.at(np.array([1.0, 2, 5.9, 6, 100])).tolist() == [np.inf, 5, 5, 4, 4]


def test_another_unit_counts_the_same_trials() -> None:
    assert steps(*one(), unit="trials").costs.tolist() == [1, 3]
    assert steps(*one(), unit="seconds").costs.tolist() == [2, 6]


def test_higher_is_better_when_maximising() -> None:
    of, own = one()
    assert steps(replace(of, direction="maximize"), own).losses.tolist() == [-5.0]
    best = best_trial(replace(of, direction="maximize"), own)
    assert best is not None
    assert best.number == 0


def test_a_running_study_is_known_up_to_where_it_is() -> None:
    assert steps(*one(is_ended=False)).known == 8
    assert steps(*one()).known == np.inf


def test_test_values_follow_the_incumbent_on_validation() -> None:
    of, own = one()
    tested = replace(own, trials=tuple(replace(t, test=10.0 - t.number) for t in own.trials))
    curve = steps(of, tested, is_on_test=True)
    assert curve.costs.tolist() == [2, 6]
    assert curve.losses.tolist() == [10, 8]


def test_rows_have_the_worst_value_for_nothing_and_nan_beyond_the_known() -> None:
    empty = Steps(np.array([]), np.array([]), 3.0, np.inf)
    running = Steps(np.array([2.0]), np.array([7.0]), 3.0, 3.0)
    rows = rows_of([empty, running], np.array([1.0, 2, 3, 4]), worst=9.0)
    assert rows[0].tolist() == [9, 9, 9, 9]
    assert rows[1].tolist()[:3] == [np.inf, 7, 7]
    assert np.isnan(rows[1, 3])


def test_places_are_all_changes_up_to_the_end_and_never_too_many() -> None:
    curve = Steps(np.array([1.0, 4, 9]), np.array([3.0, 2, 1]), 9.0, np.inf)
    assert places([curve, curve], end=5).tolist() == [1, 4, 5]
    many = Steps(np.arange(1.0, 5000), -np.arange(1.0, 5000), 4999.0, np.inf)
    thinned = places([many], end=4999)
    assert thinned.size == MOST_PLACES
    assert thinned[0] == 1
    assert thinned[-1] == 4999
