"""How far a study is, computed from its trials and a clock that is an argument; counts of trials, whatever the way."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, Budget, TrialRecord
from hpo.terminal.progress import Progress, Tally, metric_curve, planned_epochs
from tests.support.comparison_events import epochs_of
from tests.support.mlflow_contents import make_study, make_trial

STUDY = make_study(Path("studies/docs"), config={"train": {"epochs": 4}})


def done(n: int) -> list[TrialRecord]:
    return [make_trial(number, COMPLETE, n_epochs=4) for number in range(n)]


def test_time_left_follows_from_the_pace_of_this_driver_alone() -> None:
    progress = Progress(STUDY, done(6), Budget(n_trials=10))
    assert progress.left_s(0.0) is None
    progress.tally.change(make_trial(6, FAIL))
    assert progress.left_s(30.0) == pytest.approx(90.0)
    progress.tally.change(make_trial(7, RUNNING, n_epochs=2))
    assert progress.left_s(30.0) == pytest.approx(50.0)


def test_the_binding_limit_is_the_one_nearest_to_its_end() -> None:
    progress = Progress(STUDY, done(2), Budget(n_trials=10, timeout_s=100, n_epochs=16), spent_s=10.0)
    spend = progress.binding(0.0)
    assert spend is not None
    assert (spend.unit, spend.done, spend.total) == ("epochs", 8, 16)
    spend = progress.binding(50.0)
    assert spend is not None
    assert (spend.unit, spend.done) == ("s", 60.0)
    assert progress.left_s(50.0) == pytest.approx(40.0), "no epoch was done by this driver, so only the time runs out"


def test_a_limit_that_ends_the_study_in_time_is_exact() -> None:
    progress = Progress(STUDY, [], Budget(timeout_s=100), spent_s=40.0)
    assert progress.left_s(10.0) == pytest.approx(50.0)
    assert progress.left_s(70.0) == 0.0


def test_without_a_limit_nothing_is_said_about_the_end() -> None:
    progress = Progress(STUDY, done(3), Budget())
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


COUNTS = ("n_finished", "n_failed", "n_cached", "n_epochs", "seconds", "best")


def timed(trial: TrialRecord, seconds: float = 2.0) -> TrialRecord:
    epochs = tuple(replace(epoch, metrics={**epoch.metrics, "seconds": seconds}) for epoch in trial.epochs)
    return replace(trial, epochs=epochs)


def opened(*trials: TrialRecord, budget: Budget | None = None) -> Tally:
    tally = Tally()
    tally.open(STUDY, trials, budget or Budget())
    return tally


def counts(tally: Tally) -> list[object]:
    return [getattr(tally, name) for name in COUNTS]


KINDS = st.lists(
    st.tuples(st.sampled_from([RUNNING, COMPLETE, PRUNED, FAIL]), st.integers(0, 3), st.booleans()), max_size=6
)


@settings(deadline=None, max_examples=50)
@given(KINDS)
def test_counts_do_not_depend_on_the_way(kinds: list[tuple[str, int, bool]]) -> None:
    cached = {"cached_from": "other/1"}
    trials = [
        timed(make_trial(n, state, n_epochs=n_epochs, facts=cached if is_cached and state != RUNNING else {}))
        for n, (state, n_epochs, is_cached) in enumerate(kinds)
    ]
    watched = opened()
    for steps in zip_longest(*(epochs_of(trial) if trial.is_finished else [trial] for trial in trials)):
        for step in filter(None, steps):
            watched.change(step)
    assert counts(watched) == counts(opened(*trials))
    finished = [trial for trial in trials if trial.is_finished]
    assert watched.n_running == len(trials) - len(finished)
    assert watched.n_finished == len(finished)
    assert watched.n_epochs == sum(trial.n_charged for trial in trials)
    assert watched.best == STUDY.best(finished)


def test_only_what_was_trained_since_counts_as_trained() -> None:
    tally = opened(timed(make_trial(0)), timed(make_trial(1, RUNNING, n_epochs=1)))
    assert (tally.n_epochs, tally.n_trained, tally.trained_s) == (4, 0, 0.0)
    tally.change(timed(make_trial(1, n_epochs=3, attempt=2)))
    tally.change(timed(make_trial(2, facts={"cached_from": "other/1"})))
    assert (tally.n_epochs, tally.n_trained, tally.trained_s) == (9, 2, 4.0)
    assert tally.n_cached == 1


def test_a_trial_left_by_an_earlier_driver_runs_once_it_is_begun_again() -> None:
    left = make_trial(0, RUNNING, n_epochs=1)
    tally = opened(left)
    tally.change(left)
    assert tally.n_running == 0
    tally.change(replace(left, attempt=2))
    assert tally.n_running == 1


def test_what_came_too_late_for_the_budget_is_no_incumbent_in_the_end() -> None:
    tally = opened(budget=Budget(n_epochs=7))
    for number in range(3):
        assert tally.change(make_trial(number))
    assert tally.best == make_trial(2)
    tally.end(STUDY)
    assert tally.best == make_trial(1)


def test_an_end_without_anything_new_is_no_news() -> None:
    tally = opened(make_trial(0))
    tally.end(STUDY)
    assert tally.is_ended
    assert not tally.is_news
    tested = opened(make_trial(0))
    tested.end(replace(STUDY, test={"test_accuracy": 0.5}))
    assert tested.is_news


def test_a_trial_ends_once() -> None:
    tally = opened()
    assert [tally.change(step) for step in [*epochs_of(make_trial(0)), make_trial(0)]] == [False] * 4 + [True, False]
