"""Counts of a study's trials: the same whatever way they came about, and cheap."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.compare.tally import Tally
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, Budget, TrialRecord
from tests.support.comparison_events import epochs_of
from tests.support.mlflow_contents import make_study, make_trial

STUDY = make_study(Path("x"))
COUNTS = ("n_finished", "n_failed", "n_cached", "n_auditable", "n_epochs", "seconds", "best")


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
    assert watched.n_auditable == sum(trial.state == PRUNED for trial in trials)
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
