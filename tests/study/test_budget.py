"""What counts as spent: finished and running trials, the tightest budget, the time of all drivers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import optuna
import pytest

import hpo.study.budget
from hpo.contracts.records import COMPLETE, COST, DIVERGED, FAIL, PRUNED, RUNNING, Budget, EpochRecord, Leg, TrialRecord
from hpo.storage.record import ELAPSED
from hpo.storage.store import StudyStore
from hpo.study.budget import Spending
from hpo.study.plan import Plan
from hpo.study.role import Role
from hpo.study.search import Search
from tests.support.studies import plan_study


@pytest.fixture
def store() -> StudyStore:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler, pruner = optuna.samplers.RandomSampler(), optuna.pruners.NopPruner()
    storage = optuna.storages.InMemoryStorage()
    return StudyStore(storage, "x", direction="minimize", sampler=sampler, pruner=pruner)


@cache
def planned() -> Plan:
    return plan_study("trainer=synthetic")


def assign(budget: Budget, *, is_ordered: bool = False, n_concurrent: int = 1) -> Role:
    config = planned().config
    config = replace(config, study=replace(config.study, **asdict(budget), ordered=is_ordered))
    return Search(replace(planned(), config=config, n_workers=n_concurrent), Path())


def trial(number: int, n_epochs: int, state: str = COMPLETE, *, planned: int = 4) -> TrialRecord:
    epochs = tuple(EpochRecord(n, {"seconds": 0.5}, n) for n in range(1, n_epochs + 1))
    return TrialRecord(number, state, {"train.epochs": planned}, None, 0, 1, epochs, 0)


def test_epochs_count_by_the_gradients_that_they_took() -> None:
    plain, running = trial(0, 3), trial(1, 2, RUNNING)
    dear = replace(plain, epochs=tuple(replace(e, metrics={**e.metrics, COST: 1.3}) for e in plain.epochs))
    assert (plain.n_charged, dear.n_charged, running.n_charged) == (3, 4, 2)  # 3.9, and no part of one is free
    assert trial(0, 0, FAIL).n_charged == 1


TRIALS = [trial(0, 4), trial(1, 2, PRUNED), trial(2, 1, FAIL), trial(3, 1, RUNNING)]


@pytest.mark.parametrize(
    ("budget", "share"),
    [
        (Budget(n_trials=8), 0.5),  # whatever their state
        (Budget(n_epochs=22), 0.5),  # 4 + 2 + 1, and the 4 the running one will have
        (Budget(trials_s=8), 0.5),  # seconds of training, those of the running one as they come
        (Budget(n_trials=8, n_epochs=11), 1.0),  # the tightest
        (Budget(n_epochs=5), 2.2),
        (Budget(), 0.0),
    ],
)
def test_the_share_of_a_budget(budget: Budget, share: float, store: StudyStore) -> None:
    spending = Spending(assign(budget), store)
    assert spending.share(TRIALS, len(TRIALS)) == pytest.approx(share)
    assert spending.is_spent(TRIALS, len(TRIALS)) == (share >= 1)


@pytest.mark.parametrize("is_ordered", [False, True])
def test_the_share_of_a_growing_study_is_that_of_its_trials(is_ordered: bool, store: StudyStore) -> None:
    assignment = assign(Budget(n_epochs=40, trials_s=30), is_ordered=is_ordered, n_concurrent=3)
    growing, trials = Spending(assignment, store), dict[int, TrialRecord]()
    for number in range(12):
        trials[number] = trial(number, 0, RUNNING)
        if number % 4 == 3:
            for ended in (number, number - 2, number - 1, number - 3):  # not in their order
                trials[ended] = trial(ended, 1 + ended % 3, PRUNED)
                assert growing.share(trials.values(), len(trials)) == Spending(assignment, store).share(
                    trials.values(), len(trials)
                )


def test_a_failure_before_the_first_epoch_is_not_free(store: StudyStore) -> None:
    failed = [replace(trial(number, 0, FAIL), started_ms=1000, ended_ms=1250) for number in range(4)]
    assert Spending(assign(Budget(n_epochs=4)), store).share(failed, len(failed)) == 1.0
    assert Spending(assign(Budget(trials_s=2)), store).share(failed, len(failed)) == 0.5
    assert [t.number for t in Budget(n_epochs=2).counted(failed)] == [0, 1]
    assert [t.number for t in Budget(trials_s=0.75).counted(failed)] == [0, 1, 2]


def test_the_epoch_in_which_a_trial_diverged_is_charged_what_the_clock_charged(store: StudyStore) -> None:
    third = replace(trial(0, 2, FAIL), reason=DIVERGED, ended_ms=1502)  # its second epoch ended at 2 ms
    assert (third.n_charged, third.seconds) == (3, 2.5)
    assert Spending(assign(Budget(n_epochs=6, trials_s=100)), store).share([third], 1) == 0.5
    assert Spending(assign(Budget(trials_s=5)), store).share([third], 1) == 0.5
    assert Budget(n_epochs=2).counted([third]) == []
    known = replace(third, facts={"unreported_s": "0.25"})  # a table tells it, whatever the clock did
    assert known.seconds == 1.25
    again = replace(third, began_ms=1402)  # its last attempt began in the third epoch
    assert again.seconds == 1.1
    first, oom = replace(third, epochs=()), replace(third, reason="oom")
    assert (first.n_charged, oom.n_charged, oom.seconds) == (1, 2, 1.0)


def test_nothing_is_spent_of_nothing(store: StudyStore) -> None:
    assert Spending(assign(Budget(n_trials=3, n_epochs=3, trials_s=3)), store).share([], 0) == 0


def test_the_default_number_of_epochs_counts_where_none_is_searched(store: StudyStore) -> None:
    running = replace(trial(0, 0, RUNNING), params={})
    spending = Spending(assign(Budget(n_epochs=planned().config.train.epochs)), store)
    assert spending.share([running], 1) == 1.0


def test_a_paused_trial_is_charged_what_it_did_and_one_that_goes_on_what_it_will_have_done(store: StudyStore) -> None:
    paused = replace(trial(0, 1, RUNNING, planned=9), legs=(Leg(0, 1),), is_paused=True)
    promoted = replace(trial(1, 1, RUNNING, planned=9), legs=(Leg(1, 1), Leg(2, 3)))
    last = replace(trial(2, 3, RUNNING, planned=9), legs=(Leg(3, 1), Leg(4, 3), Leg(5, None)))
    spending = Spending(assign(Budget(n_trials=3, n_epochs=26)), store)
    assert spending.share([paused, promoted, last], 6, for_new=False) == (1 + 3 + 9) / 26
    assert spending.is_spent([paused, promoted, last], 6)
    assert not spending.is_spent([paused, promoted, last], 6, for_new=False)


def test_with_ordered_results_a_proposal_does_not_know_the_newest_ends(store: StudyStore) -> None:
    spending = Spending(assign(Budget(n_epochs=16), is_ordered=True, n_concurrent=2), store)
    pruned: Sequence[TrialRecord] = [trial(0, 1, PRUNED), trial(1, 1, PRUNED), trial(2, 1, PRUNED)]
    running = [pruned[0], pruned[1], replace(pruned[2], state=RUNNING)]
    assert (
        spending.share(pruned, len(pruned)) == spending.share(running, len(running)) == (1 + 1 + 4) / 16
    )  # trial 3 is proposed beside 2


def test_the_time_of_all_drivers_counts(store: StudyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    first = Spending(assign(Budget(timeout_s=10)), store)
    now += 4
    first.note_elapsed()  # too soon for a transaction of its own
    assert store.get(ELAPSED) is None
    now += hpo.study.budget.NOTE_EVERY_S
    first.note_elapsed()
    assert store.get(ELAPSED) == 9.0
    now += 0.25
    first.note_elapsed(at_once=True)
    second = Spending(assign(Budget(timeout_s=10)), store)
    assert second.elapsed_before_s == 9.25
    assert not second.is_spent([], 0)
    now += 0.75
    assert second.is_spent([], 0)
