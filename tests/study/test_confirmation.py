"""Confirmation: which configurations are trained again, with which seeds, which is tested, and going on later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from hpo.contracts.records import (
    COMPLETE,
    FAIL,
    PRUNED,
    REPETITION,
    RUNNING,
    SEARCHED,
    Budget,
    StudyRecord,
    TrialRecord,
)
from hpo.contracts.seeds import derive_seed
from hpo.space.space import canonical
from hpo.storage.record import is_ended, read_study
from hpo.study.confirmation import (
    best_group,
    chosen_trials,
    confirmation_name,
    confirmed_sentence,
    to_test,
)
from hpo.study.repeating import Replicate, ReplicateSampler
from tests.support.comparisons import SMALL, plan_compared, read_all, run_compared
from tests.support.studies import SYNTHETIC, run_study


def study(direction: str = "maximize", **test: float) -> StudyRecord:
    metric = "valid_loss" if direction == "minimize" else "accuracy"
    return StudyRecord("x", "u", "e", metric, direction, {"confirms": "x"}, {}, {}, {}, "folder", 0, test)


def trial(number: int, value: float | None, state: str = COMPLETE, *, lr: float | None = None) -> TrialRecord:
    return TrialRecord(number, state, {"train.lr": lr or float(number)}, value, 0, 1, (), 0, 1)


@pytest.mark.parametrize(
    ("direction", "top_k", "numbers"),
    [
        ("maximize", 1, [2]),  # the earlier one of equals
        ("maximize", 2, [2, 4]),
        ("maximize", 9, [2, 4, 1, 0]),
        ("minimize", 2, [0, 1]),
        ("maximize", 0, []),
    ],
)
def test_the_best_complete_trials_are_chosen(direction: str, top_k: int, numbers: list[int]) -> None:
    trials = [
        trial(0, 0.1),
        trial(1, 0.2),
        trial(2, 0.9),
        trial(3, 0.95, PRUNED),
        trial(4, 0.9),
        trial(5, None, FAIL),
        trial(6, 0.99, RUNNING),
    ]
    assert [t.number for t in chosen_trials(study(direction), trials, top_k=top_k)] == numbers


def test_a_configuration_is_chosen_once_at_its_best() -> None:
    trials = [trial(0, 0.7, lr=0.1), trial(1, 0.9, lr=0.1), trial(2, 0.8, lr=0.2)]
    assert [t.number for t in chosen_trials(study(), trials, top_k=2)] == [1, 2]


def test_choosing_from_many_compares_no_trial_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [trial(number, 0.001 * number, lr=0.1 + number) for number in range(100)]
    monkeypatch.setattr(TrialRecord, "__eq__", lambda *_: pytest.fail("trials were compared"), raising=False)
    assert [t.number for t in chosen_trials(study(), trials, top_k=2)] == [99, 98]


def retraining(number: int, searched: int, repetition: int, value: float | None) -> TrialRecord:
    facts = {SEARCHED: str(searched), REPETITION: str(repetition)}
    return replace(trial(number, value, COMPLETE if value is not None else FAIL), facts=facts)


RETRAININGS = [
    retraining(0, 7, 0, 0.9),
    retraining(1, 7, 1, 0.5),
    retraining(2, 3, 0, 0.75),
    retraining(3, 3, 1, 0.75),
    retraining(4, 5, 0, 0.99),
    retraining(5, 5, 1, None),
]
ALL = [Replicate(searched, i) for searched in (7, 3, 5) for i in (0, 1)]


@pytest.mark.parametrize(
    ("direction", "wanted", "numbers"),
    [
        ("maximize", ALL, [0, 1]),  # by the first half alone; the best single value failed with another seed
        ("minimize", ALL, [2, 3]),
        ("maximize", [r for r in ALL if r.searched != 3], [0, 1]),  # what is no longer chosen does not count
        ("maximize", [r for r in ALL if r.repetition == 0], [4]),
        ("maximize", [r for r in ALL if r.searched == 5], [4]),  # of a configuration that failed once, the rest
        ("maximize", [], []),
    ],
)
def test_the_configuration_with_the_best_mean_is_tested(
    direction: str, wanted: Sequence[Replicate], numbers: list[int]
) -> None:
    assert to_test(study(direction), RETRAININGS, wanted) == numbers


def test_what_still_runs_or_failed_altogether_is_not_tested() -> None:
    running = replace(RETRAININGS[2], state=RUNNING, facts={})
    assert to_test(study(), [*RETRAININGS[:2], running], ALL) == [0, 1]
    assert to_test(study(), [retraining(0, 7, 0, None)], ALL) == []
    assert best_group(study(), []) == []


def test_of_equal_means_the_earlier_configuration_is_taken() -> None:
    equal = [retraining(0, 9, 0, 0.5), retraining(1, 2, 0, 0.5)]
    assert to_test(study(), equal, [Replicate(9, 0), Replicate(2, 0)]) == [1]


def test_the_sentence_says_mean_spread_and_test() -> None:
    said = confirmed_sentence(study(trial=2.0, test_accuracy=0.7, test_loss=9.0), RETRAININGS, ALL)
    assert said == (
        "Confirmed: trial 7 trained again with 2 fresh seeds has accuracy 0.7000 (standard deviation 0.28), "
        "test_accuracy 0.7000."
    )
    alone = confirmed_sentence(study("minimize"), RETRAININGS[:1], ALL)
    assert alone == "Confirmed: trial 7 trained again with a fresh seed has valid_loss 0.9000."
    failed = confirmed_sentence(study(), [retraining(0, 7, 0, None)], ALL)
    assert failed == "No retraining of the best trials of x was completed."


def replicate(chosen: Sequence[TrialRecord], n_seeds: int, study: optuna.Study) -> list[tuple[float, int]]:
    """Asks until nothing is left; returns the params and the seeds of the new trials."""
    sampler = ReplicateSampler(chosen, n_seeds, seed=3)
    study.sampler = sampler
    asked = []
    while sampler.n_left(study.get_trials()):
        new = study.ask()
        asked.append((new.suggest_float("train.lr", 0, 10), sampler.seed_of(new.number)))
        assert float(sampler.facts_of(new.number)[SEARCHED]) == asked[-1][0]
    return asked


def test_every_repetition_is_proposed_once_with_a_seed_of_its_own() -> None:
    seeds = [derive_seed(3, "confirm", repetition) for repetition in range(3)]
    there = optuna.create_study()
    first = replicate([trial(4, 0.9), trial(2, 0.8)], 2, there)
    assert first == [(4.0, seeds[0]), (4.0, seeds[1]), (2.0, seeds[0]), (2.0, seeds[1])]
    assert replicate([trial(4, 0.9), trial(2, 0.8)], 2, there) == []
    more = replicate([trial(6, 0.95), trial(4, 0.9)], 3, there)
    assert more == [(6.0, seeds[0]), (6.0, seeds[1]), (6.0, seeds[2]), (4.0, seeds[2])]


def read(storage: optuna.storages.BaseStorage, role: str) -> Mapping[str, tuple[StudyRecord, list[TrialRecord]]]:
    names = [study.study_name for study in storage.get_all_studies()]
    studies = {name: read_study(storage, name) for name in names}
    return {name: found for name, found in studies.items() if found[0].tags["role"] == role}


CONFIRMED = (*SMALL, "study.confirm.top_k=2", "study.confirm.n_seeds=2", "budget.size=30", "pruner=median")


def test_confirmations_have_fresh_seeds_that_pair_strategies(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*CONFIRMED), storage)
    searches, confirmations = read(storage, "search"), read(storage, "confirmation")
    assert sorted(confirmations) == sorted(confirmation_name(name) for name in searches)
    searched = {trial.seed for _, trials in searches.values() for trial in trials}
    by_seed: dict[str, list[list[int]]] = {}
    for name, (found, trials) in confirmations.items():
        search, its_trials = searches[found.tags["confirms"]]
        assert name == confirmation_name(search.name)
        assert found.tags["seed"] == search.tags["seed"]
        assert [t.state for t in trials] == [COMPLETE] * 4  # no pruner stops a retraining
        chosen = chosen_trials(search, Budget(n_epochs=30).counted(its_trials), top_k=2)
        assert [canonical(t.params) for t in trials] == [canonical(c.params) for c in chosen for _ in range(2)]
        assert not {t.seed for t in trials} & searched
        by_seed.setdefault(found.tags["seed"], []).append([t.seed for t in trials])
    assert all(a == b for a, b in by_seed.values())  # paired across strategies
    assert by_seed["0"] != by_seed["1"]  # fresh for every seed
    assert all(len(set(seeds)) == 2 for pair in by_seed.values() for seeds in pair)


def test_the_search_budget_has_nothing_of_the_confirmation(workdir: Path) -> None:
    with_it, without = optuna.storages.InMemoryStorage(), optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*CONFIRMED), with_it)
    run_compared(plan_compared(*CONFIRMED, "study.confirm.top_k=0", "study.test=false"), without)
    all_of = read_all(with_it)
    assert {name: all_of[name][0] for name in read_all(without)} == {n: f[0] for n, f in read_all(without).items()}
    assert all(test == {} for name, (_, test) in all_of.items() if not name.endswith("-confirm"))


GROWN = ("seeds=3", "budget.size=60", "study.confirm.n_seeds=3")


def test_an_extended_comparison_keeps_what_is_done_and_confirms_what_is_newly_chosen(workdir: Path) -> None:
    extended, at_once = optuna.storages.InMemoryStorage(), optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*CONFIRMED), extended)
    before = read_all(extended)
    run_compared(plan_compared(*CONFIRMED, *GROWN), extended)
    run_compared(plan_compared(*CONFIRMED, *GROWN), at_once)
    after, whole = read_all(extended), read_all(at_once)
    assert sorted(after) == sorted(whole)
    n_new = 0
    for name, (trials, test) in after.items():
        assert trials[: len(before.get(name, ([],))[0])] == before.get(name, ([],))[0]  # nothing was done again
        if not name.endswith(("-confirm", "-audit")):
            assert trials == whole[name][0]
            continue
        assert {key(t) for t in whole[name][0]} <= {key(t) for t in trials}
        assert without_number(test) == without_number(whole[name][1])  # tested as if it had been done at once
        assert is_ended(extended, name)
        n_new += name in before and bool({key(t) for t in trials} - {key(t) for t in before[name][0]})
    assert n_new > 0


def key(fact: tuple[object, ...]) -> tuple[object, ...]:
    """Returns a trial without its number, which depends on what was confirmed first."""
    return (*fact[1:5], str(fact[5]))


def without_number(test: Mapping[str, float]) -> dict[str, float]:
    return {name: pytest.approx(value) for name, value in test.items() if name != "trial"}


def test_a_single_study_is_confirmed_too(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = run_study(*SYNTHETIC, "study.n_trials=6", "study.confirm.top_k=2", "study.name=x")
    assert len(report.trials) == 6
    storage = optuna.storages.RDBStorage("sqlite:///hpo.db")
    found, trials = read_study(storage, "x-confirm")
    assert [t.facts[SEARCHED] for t in trials] == [s for c in best(report.trials) for s in [c] * 3]
    assert report.study.test == {}
    assert found.test["trial"] in {t.number for t in trials if t.facts[SEARCHED] == report.confirmed.split()[2]}
    assert report.confirmed.startswith("Confirmed: trial ")
    assert f"test_accuracy {found.test['test_accuracy']:.4f}" in report.confirmed
    assert report.confirmed in capsys.readouterr().out
    again = run_study(*SYNTHETIC, "study.n_trials=6", "study.confirm.top_k=2", "study.name=x")
    assert again.confirmed == report.confirmed
    assert read_study(storage, "x-confirm") == (found, trials)


def best(trials: Sequence[TrialRecord]) -> list[str]:
    return [str(t.number) for t in sorted(trials, key=lambda t: -(t.value or 0))[:2]]


def test_a_study_that_was_finished_is_confirmed_later(workdir: Path) -> None:
    first = run_study(*SYNTHETIC, "study.n_trials=4", "study.name=x")
    assert first.confirmed == ""
    later = run_study(*SYNTHETIC, "study.n_trials=4", "study.name=x", "study.confirm.top_k=1", "study.test=false")
    assert later.trials == first.trials
    assert later.confirmed.endswith(").")  # no test was asked for


def test_a_study_without_a_complete_trial_has_nothing_to_confirm(workdir: Path) -> None:
    diverging = ("space.train.lr.low=2", "space.train.lr.high=9", "study.n_trials=2", "study.confirm.top_k=1")
    report = run_study(*SYNTHETIC, *diverging, "storage=memory")
    assert report.confirmed == ""
    assert not list(workdir.glob("studies/*-confirm"))
