"""How far a study is, computed from its trials and a clock that is an argument."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.contracts.records import COMPLETE, FAIL, RUNNING, Budget, TrialRecord
from hpo.terminal.progress import metric_curve, open_progress, planned_epochs
from tests.support.mlflow_contents import make_study, make_trial

STUDY = make_study(Path("studies/docs"), config={"train": {"epochs": 4}})


def done(n: int) -> list[TrialRecord]:
    return [make_trial(number, COMPLETE, n_epochs=4) for number in range(n)]


def test_time_left_follows_from_the_pace_of_this_driver_alone() -> None:
    progress = open_progress(STUDY, done(6), Budget(n_trials=10), 0.0)
    assert progress.left_s(0.0) is None
    progress = progress.with_trial(make_trial(6, FAIL))
    assert progress.left_s(30.0) == pytest.approx(90.0)
    progress = progress.with_trial(make_trial(7, RUNNING, n_epochs=2))
    assert progress.left_s(30.0) == pytest.approx(50.0)


def test_the_binding_limit_is_the_one_nearest_to_its_end() -> None:
    progress = open_progress(STUDY, done(2), Budget(n_trials=10, timeout_s=100, n_epochs=16), 10.0)
    spend = progress.binding(0.0)
    assert spend is not None
    assert (spend.unit, spend.done, spend.total) == ("epochs", 8, 16)
    spend = progress.binding(50.0)
    assert spend is not None
    assert (spend.unit, spend.done) == ("s", 60.0)
    assert progress.left_s(50.0) == pytest.approx(40.0), "no epoch was done by this driver, so only the time runs out"


def test_a_limit_that_ends_the_study_in_time_is_exact() -> None:
    progress = open_progress(STUDY, [], Budget(timeout_s=100), 40.0)
    assert progress.left_s(10.0) == pytest.approx(50.0)
    assert progress.left_s(70.0) == 0.0


def test_without_a_limit_nothing_is_said_about_the_end() -> None:
    progress = open_progress(STUDY, done(3), Budget(), 0.0)
    assert progress.binding(5.0) is None
    assert progress.left_s(5.0) is None


def test_planned_epochs_are_searched_or_fixed_and_never_below_those_done() -> None:
    assert planned_epochs(STUDY, make_trial(0, RUNNING, n_epochs=1, params={"train.epochs": 6})) == 6
    assert planned_epochs(STUDY, make_trial(0, RUNNING, n_epochs=1)) == 4
    assert planned_epochs(STUDY, make_trial(0, RUNNING, n_epochs=5)) == 5
    assert planned_epochs(make_study(Path("x"), config={}), make_trial(0)) is None


def test_the_curve_is_the_studys_metric_by_epoch() -> None:
    trial = make_trial(2, n_epochs=3)
    assert metric_curve(STUDY, trial) == [epoch.metrics["accuracy"] for epoch in trial.epochs]
    assert metric_curve(make_study(Path("x"), metric="macro_f1"), trial) == []
