"""Which trial is promoted: the rungs from the top, the best paused one among the best of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from hpo.contracts.records import PRUNED, RUNNING, EpochRecord, Leg, StudyRecord, TrialRecord
from hpo.search.promote import PromoteConfig, next_promotion
from tests.support.studies import plan_study, plan_typed

PRUNER = PromoteConfig(same_epochs=True, min_epochs=1, reduction_factor=3)
STUDY = StudyRecord("s", "u", "e", "accuracy", "maximize", {}, {}, {}, {}, "", 0)


def trial(number: int, accuracy: Sequence[float], *legs: tuple[int, int | None], is_paused: bool = True) -> TrialRecord:
    """Returns a trial with an accuracy after each epoch; without legs, one that waits at the first rung."""
    epochs = tuple(EpochRecord(n, {"accuracy": value}, 0) for n, value in enumerate(accuracy, start=1))
    parts = tuple(Leg(*leg) for leg in legs or [(number, 1)])
    return TrialRecord(number, RUNNING, {}, None, 0, 1, epochs, 0, legs=parts, is_paused=is_paused)


def choose(*trials: TrialRecord, epochs: int = 9, horizon: int | None = None) -> int | None:
    chosen = next_promotion([(each, epochs) for each in trials], PRUNER, STUDY, horizon=horizon)
    return chosen.number if chosen else None


def test_the_best_of_three_is_promoted_and_nobody_before_there_are_three() -> None:
    waiting = [trial(0, [0.2]), trial(1, [0.4]), trial(2, [0.3])]
    assert choose(*waiting[:2]) is None
    assert choose(*waiting) == 1


def test_a_promoted_trial_counts_in_its_rung_and_is_not_promoted_again() -> None:
    gone = trial(1, [0.4], (1, 1), (3, 3), is_paused=False)
    waiting = [trial(number, [0.2 + number / 100]) for number in (0, 2, 4, 5)]
    assert choose(gone, *waiting) is None
    assert choose(gone, *waiting, trial(6, [0.1])) == 5


def test_the_rungs_are_scanned_from_the_top() -> None:
    high = [trial(n, [0.5, 0.5, value], (n, 1), (n + 20, 3)) for n, value in enumerate((0.6, 0.7, 0.5))]
    low = [trial(n, [0.9]) for n in range(3, 12)]
    assert choose(*high, *low) == 1
    assert choose(*high[:2], *low) == 3


def test_results_after_the_horizon_do_not_count() -> None:
    waiting = [trial(0, [0.2]), trial(1, [0.4]), trial(2, [0.3])]
    assert choose(*waiting, horizon=1) is None
    assert choose(*waiting, horizon=2) == 1


def test_trials_of_other_epochs_have_rungs_of_their_own() -> None:
    pairs = [(trial(0, [0.2]), 9), (trial(1, [0.4]), 9), (trial(2, [0.3]), 2)]
    assert next_promotion(pairs, PRUNER, STUDY, horizon=None) is None


def test_a_trial_that_ended_where_it_was_paused_still_counts_and_is_not_promoted() -> None:
    ended = [dataclasses.replace(trial(number, [0.9]), state=PRUNED, is_paused=False, ended_ms=0) for number in (0, 1)]
    assert choose(*ended, trial(2, [0.8])) is None
    assert choose(*ended, *(trial(number, [0.8]) for number in range(2, 9))) == 2


def test_rungs_lie_before_the_end() -> None:
    assert [list(PRUNER.rungs(epochs)) for epochs in (1, 2, 9, 10)] == [[], [1], [1, 3], [1, 3, 9]]
    assert [PRUNER.next_rung(10, after=epoch) for epoch in (0, 1, 3, 9)] == [1, 3, 9, None]


def test_searched_epochs_without_rungs_of_their_own_are_refused() -> None:
    with pytest.raises(ValueError, match=r"give train\.epochs=6, or pruner\.same_epochs=true"):
        plan_study("experiment=smoke", "pruner=promote", "pruner.same_epochs=false")
    plan_typed("experiment=smoke", "pruner=promote", "pruner.same_epochs=false", "train.epochs=6")
    plan_study("experiment=smoke", "pruner=promote")
