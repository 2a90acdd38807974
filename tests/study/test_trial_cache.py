"""The cache of trainings: what counts as equal, and that a comparison has the same results with it and without."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpo.contracts.executor import Executor
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, TrialRecord
from hpo.contracts.trainer import Reason, TrialRequest
from hpo.executors.inline import InlineExecutor
from hpo.executors.simulated import SimulatedExecutor
from hpo.storage.record import read_study
from hpo.study.trial_cache import TrialCache, cache_key
from hpo.trainers.synthetic import Synthetic, SyntheticConfig
from tests.support.comparisons import SMALL, Watched, plan_compared, read_all, run_compared, watch
from tests.support.trial_requests import make_request


@pytest.fixture
def request_(tmp_path: Path) -> TrialRequest:
    return make_request(tmp_path, trainer=SyntheticConfig(noise=0.01, epoch_s=0.0))


def record(request: TrialRequest, state: str = COMPLETE, reason: Reason | None = None) -> TrialRecord:
    value = 0.5 if state != FAIL else None
    why = reason.value if reason else None
    return TrialRecord(request.number, state, request.params, value, request.seed, 1, (), 0, 1, reason=why)


def test_requests_are_equal_whoever_runs_them_wherever(request_: TrialRequest) -> None:
    moved = replace(request_, number=7, attempt=3, folder="elsewhere")
    assert cache_key(moved) == cache_key(request_)
    two = replace(request_, params={"train.lr": 0.1, "train.epochs": 3})
    turned = replace(request_, params={"train.epochs": 3, "train.lr": 0.1})
    assert cache_key(two) == cache_key(turned)


CHANGES = {
    "seed": lambda r: replace(r, seed=2),
    "fidelity": lambda r: replace(r, train=replace(r.train, epochs=4)),
    "train": lambda r: replace(r, train=replace(r.train, batch_size=16)),
    "model": lambda r: replace(r, model=replace(r.model, n_layers=3)),
    "data": lambda r: replace(r, corpus="other"),
    "trainer": lambda r: replace(r, trainer=SyntheticConfig(noise=0.02, epoch_s=0.0)),
    "kind of trainer": lambda r: replace(r, trainer=make_request(Path(r.folder)).trainer),
    "params": lambda r: replace(r, params={"train.lr": 0.02}),
    "device": lambda r: replace(r, device="cuda"),
    "threads": lambda r: replace(r, threads=2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_requests_that_train_otherwise_are_not_equal(change: str, request_: TrialRequest) -> None:
    assert cache_key(CHANGES[change](request_)) != cache_key(request_)


def test_another_version_trains_again(request_: TrialRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache_key(request_)
    monkeypatch.setattr("hpo.study.trial_cache.__version__", "99.0")
    assert cache_key(request_) != before


def test_an_equal_trial_waits_until_the_first_has_ended(request_: TrialRequest) -> None:
    cache, second = TrialCache(is_on=True), replace(request_, number=4)
    assert cache.take(request_, "a")
    assert cache.take(request_, "a")  # once more after a crash
    assert not cache.take(second, "b")
    assert not cache.is_open(second, "b")
    cache.settle(request_, "a", record(request_))
    assert cache.is_open(second, "b")
    found = cache.find(second)
    assert found is not None
    assert (found.study, found.trial.number) == ("a", request_.number)


@pytest.mark.parametrize(
    ("state", "reason", "is_kept"),
    [
        (COMPLETE, None, True),
        (FAIL, Reason.DIVERGED, True),
        (FAIL, Reason.OOM, False),
        (FAIL, Reason.TIMEOUT, False),
        (FAIL, Reason.ERROR, False),
        (FAIL, Reason.CRASH_LOOP, False),
        (PRUNED, None, False),
        (RUNNING, None, False),
    ],
)
def test_whole_trainings_alone_are_kept(
    state: str, reason: Reason | None, is_kept: bool, request_: TrialRequest
) -> None:
    cache, second = TrialCache(is_on=True), replace(request_, number=4)
    cache.take(request_, "a")
    cache.settle(request_, "a", record(request_, state, reason))
    assert (cache.find(second) is not None) == is_kept
    assert cache.is_open(second, "b")  # whoever waited goes on in any case
    assert is_kept or cache.take(second, "b")


def test_a_cache_that_is_off_keeps_nothing(request_: TrialRequest) -> None:
    cache = TrialCache(is_on=False)
    assert cache.take(request_, "a")
    assert cache.take(request_, "b")
    cache.settle(request_, "a", record(request_))
    assert cache.find(request_) is None


PAIRS = [("random", "asha"), ("random", "none"), ("tpe", "median"), ("tpe", "hyperband")]
STRATEGIES = ", ".join(f"{s}+{p}: {{sampler: {s}, pruner: {p}}}" for s, p in PAIRS)
COMPARED = (*SMALL[:4], "seeds=2", "budget.size=40", "study.confirm.n_seeds=2", f"strategies={{{STRATEGIES}}}")


def build_simulated() -> Executor:
    return SimulatedExecutor(n_workers=3)


@pytest.mark.parametrize(
    ("build", "overrides"),
    [
        (InlineExecutor, ()),
        (InlineExecutor, ("space.train.lr.high=4", "budget.unit=trials", "budget.size=12")),
        (build_simulated, ("trainer.noise=0.3", "study.metric=valid_loss")),
        (build_simulated, ("n_concurrent=3",)),
    ],
)
def test_results_are_the_same_with_and_without_the_cache(
    build: Callable[[], Executor], overrides: tuple[str, ...], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch_s = "trainer.epoch_s=0.1" if build is build_simulated else "trainer.epoch_s=0"
    comparison = plan_compared(*COMPARED, epoch_s, *overrides)
    storages, watched = {}, {}
    for is_cached in (False, True):
        storages[is_cached] = optuna.storages.InMemoryStorage()
        watched[is_cached] = watch(monkeypatch, build)
        run_compared(comparison, storages[is_cached], is_cached=is_cached)
    assert read_all(storages[True]) == read_all(storages[False])
    assert 0 < len(watched[True].trained) < 0.95 * len(watched[False].trained)
    check_marks(storages[True], watched[True])
    assert not any(cached_from(trial) for trial in all_trials(storages[False]).values())


def all_trials(storage: optuna.storages.BaseStorage) -> dict[str, TrialRecord]:
    """Returns the trials of all searches by study/number."""
    names = [study.study_name for study in storage.get_all_studies()]
    return {f"{name}/{t.number}": t for name in names for t in read_study(storage, name)[1]}


def cached_from(trial: TrialRecord) -> str:
    return trial.facts.get("cached_from", "")


def check_marks(storage: optuna.storages.BaseStorage, watched: Watched) -> None:
    """Asserts that each trial was either trained or marked, and that marks lead to equal trials that were trained."""
    trials = all_trials(storage)
    trained = {f"{job.study}/{job.request.number}" for job in watched.trained}
    marked = {key for key, trial in trials.items() if cached_from(trial)}
    assert marked
    assert not marked & trained
    assert marked | trained == set(trials)
    for key in marked:
        trial, original = trials[key], trials[cached_from(trials[key])]
        assert cached_from(original) == ""
        assert original.state == COMPLETE or original.reason == "diverged"
        assert (trial.params, trial.seed) == (original.params, original.seed)
        metrics = [epoch.metrics for epoch in original.epochs]
        assert [epoch.metrics for epoch in trial.epochs] == metrics[: trial.n_epochs]  # seconds, too: charged in full
        assert trial.n_epochs == original.n_epochs or trial.state == PRUNED
    assert any("-confirm" in key for key in marked)
    whole = Counter(cache_key(job.request) for job in watched.trained if is_whole(trials, job.study, job.request))
    assert max(whole.values()) == 1  # no whole training twice


def is_whole(trials: dict[str, TrialRecord], study: str, request: TrialRequest) -> bool:
    return trials[f"{study}/{request.number}"].state == COMPLETE


def test_a_cached_trial_may_be_pruned_before_its_original_ended(workdir: Path) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*COMPARED), storage)
    shorter = [t for t in all_trials(storage).values() if cached_from(t) and t.state == PRUNED]
    assert any(t.n_epochs < all_trials(storage)[cached_from(t)].n_epochs for t in shorter)


def test_a_strategy_added_later_is_served_from_the_record(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*SMALL, "samplers=[random]", "budget.size=20"), storage)
    watched = watch(monkeypatch, InlineExecutor)
    run_compared(plan_compared(*SMALL, "samplers=[random,tpe]", "budget.size=20"), storage)
    assert all("-tpe-" in job.study for job in watched.trained)
    assert not any(job.request.number < 5 and "confirm" not in job.study for job in watched.trained)  # start-up trials


SAME = (*SMALL[:4], "strategies={a: {sampler: random}, b: {sampler: random}, c: {sampler: random}}", "seeds=1")


def test_cached_retrainings_have_weights_to_be_tested(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched, storage = watch(monkeypatch, build_simulated), optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*SAME, "budget.size=20", "trainer.epoch_s=0.1"), storage)
    assert Counter("-confirm" in job.study for job in watched.trained)[True] == 3
    tests = {name: test for name, (_, test) in read_all(storage).items() if "-confirm" in name}
    assert len(tests) == 3
    assert len({str(test) for test in tests.values()}) == 1
    assert next(iter(tests.values()))["test_accuracy"] > 0


def test_without_weights_a_retraining_is_trained_again(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, small = optuna.storages.InMemoryStorage(), ("budget.size=20", "study.confirm.n_seeds=1")
    run_compared(plan_compared(*SAME[:-2], "strategies={a: {sampler: random}}", "seeds=1", *small), storage)
    for path in workdir.glob("studies/*-confirm/trials/*/model.json"):
        path.unlink()
    watched = watch(monkeypatch, build_simulated)
    run_compared(plan_compared(*SAME, *small, "trainer.epoch_s=0"), storage)
    (trained,) = watched.trained
    assert re.fullmatch(r"synthetic-b-s0-\w+-confirm", trained.study)  # and c has its weights from there


def test_a_trial_that_failed_for_once_is_no_excuse_for_its_equals(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failed = Synthetic.train, set()

    def train(self: Synthetic, request: TrialRequest, *listeners: Any) -> object:
        if request.seed not in failed:
            failed.add(request.seed)
            raise RuntimeError("out of luck")
        return real(self, request, *listeners)

    monkeypatch.setattr(Synthetic, "train", train)
    storage = optuna.storages.InMemoryStorage()
    small = (*SMALL, "budget.unit=trials", "budget.size=3", "study.confirm.top_k=0", "study.test=false", "seeds=1")
    reports = run_compared(plan_compared(*small), storage)
    states = [[t.state for t in report.trials] for report in reports]
    assert states == [[FAIL] * 3, [COMPLETE] * 3]
