"""Tests of trials: each once, kept in the record, summed up, replaced when something better comes."""

from __future__ import annotations

import optuna
import pytest

from hpo.contracts.records import COMPLETE, TrialRecord
from hpo.storage.record import TEST, TESTED, TESTS
from hpo.storage.store import StudyStore
from hpo.storage.study_tests import StudyTests, counted_tests


@pytest.fixture
def store() -> StudyStore:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler, pruner = optuna.samplers.RandomSampler(), optuna.pruners.NopPruner()
    storage = optuna.storages.InMemoryStorage()
    return StudyStore(storage, "x", direction="minimize", sampler=sampler, pruner=pruner)


def trial(number: int) -> TrialRecord:
    return TrialRecord(number, COMPLETE, {}, 0.5, 0, 1, (), 0, 1)


def test_each_trial_is_given_out_once_and_then_is_under_way(store: StudyStore) -> None:
    tests = StudyTests(store)
    assert (tests.take([3, 5]), tests.take([3, 5]), tests.take([3, 5])) == (3, 5, None)
    assert tests.is_out(3)
    assert not tests.is_out(4)
    assert tests.left([3, 5]) == [3, 5]  # until their metrics are known
    tests.note(3, {"test_loss": 1.0})
    assert not tests.is_out(3)
    assert tests.left([3, 5]) == [5]


def test_what_was_tested_is_known_to_the_next_driver(store: StudyStore) -> None:
    StudyTests(store).note(3, {"test_loss": 1.0})
    again = StudyTests(store)
    assert again.left([3, 4]) == [4]
    assert again.take([3, 4]) == 4


def test_a_test_that_cannot_be_made_is_tried_again_by_the_next_driver_only(store: StudyStore) -> None:
    tests = StudyTests(store)
    assert tests.take([3]) == 3
    tests.give_up(3)
    assert (tests.left([3]), tests.take([3]), tests.is_out(3)) == ([], None, False)
    assert StudyTests(store).left([3]) == [3]
    assert tests.summary([3], best=trial(3)) == {}


def test_a_test_that_was_lost_is_given_out_again_and_counted(store: StudyStore) -> None:
    tests = StudyTests(store)
    for n_lost in (1, 2):
        assert tests.take([3, 4]) == 3
        assert tests.put_back(3) == n_lost
    assert tests.left([3, 4]) == [3, 4]
    assert tests.put_back(4) == 1


def test_the_summary_is_the_mean_over_what_was_tested(store: StudyStore) -> None:
    tests = StudyTests(store)
    for number, accuracy in ((2, 0.5), (4, 0.75), (9, 0.1)):
        tests.note(number, {"test_accuracy": accuracy, "n_test": 10.0})
    assert tests.summary([2, 4, 6], best=trial(4)) == {"trial": 4.0, "test_accuracy": 0.625, "n_test": 10.0}
    assert tests.summary([2, 4], best=None) == {}
    assert tests.summary([], best=trial(4)) == {}


def test_tests_of_what_was_replaced_stay_but_do_not_count(store: StudyStore) -> None:
    tests = StudyTests(store)
    tests.note(2, {"test_accuracy": 0.5})
    attrs = {TESTS: store.get(TESTS)}
    assert set(counted_tests(attrs)) == {"2"}  # not summed up yet
    tests.close([2], {"trial": 2.0, "test_accuracy": 0.5})
    tests.note(7, {"test_accuracy": 0.9})
    tests.close([7, 8], {"trial": 7.0, "test_accuracy": 0.9})
    attrs = {TESTS: store.get(TESTS), TESTED: store.get(TESTED)}
    assert counted_tests(attrs) == {"7": {"test_accuracy": 0.9}}
    assert set(attrs[TESTS]) == {"2", "7"}
    assert store.get(TEST)["trial"] == 7
    assert counted_tests({}) == {}
