"""Studies whose trials pause and are promoted: interrupted equals uninterrupted, and each epoch is charged once."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.trial import FrozenTrial, TrialState

import hpo.study.preparation
import hpo.study.trials
from hpo.artifacts.folders import trial_folder, weights_hash
from hpo.contracts.records import COMPLETE, PRUNED, TrialRecord
from hpo.executors.processes import ProcessesExecutor
from hpo.storage.views import StudyView
from hpo.study.session import Report, run
from hpo.terminal.display import build_display
from tests.support.mlflow_equality import compare_with_mlflow
from tests.support.mortal_storage import Killed, MortalStorage, facts
from tests.support.studies import SYNTHETIC, TINY, plan_study, run_study

PROMOTE = (
    "pruner=promote",
    "train.epochs=9",
    "~space.train.epochs",
    "sampler.n_startup_trials=3",
    "trainer.epoch_s=0.0001",
)
COMMAND = (*SYNTHETIC, *PROMOTE, "study.n_trials=10")


def drive(
    monkeypatch: pytest.MonkeyPatch, storage: optuna.storages.BaseStorage, writes_to_live: int | None, *overrides: str
) -> Report:
    mortal = MortalStorage(storage, writes_to_live)
    monkeypatch.setattr(hpo.study.preparation, "open_storage", lambda _: mortal)
    return run(plan_study(*overrides), build_display())


def legs(trials: list[TrialRecord]) -> list[list[tuple[int, int | None]]]:
    return [[(leg.turn, leg.until) for leg in trial.legs] for trial in trials]


def test_trials_wait_at_their_rung_and_the_best_go_on(workdir: Path) -> None:
    trials = run_study(*COMMAND).trials
    assert {(trial.n_epochs, trial.state) for trial in trials} == {(1, PRUNED), (3, PRUNED), (9, COMPLETE)}
    for rung in (1, 3):
        there = [trial for trial in trials if trial.n_epochs >= rung]
        there.sort(key=lambda trial: -trial.epochs[rung - 1].metrics["accuracy"])
        assert all(trial.n_epochs > rung for trial in there[: len(there) // 3])
    turns = sorted(leg.turn for trial in trials for leg in trial.legs)
    assert turns == list(range(sum(len(trial.legs) for trial in trials)))
    assert all(trial.value == trial.epochs[-1].metrics["accuracy"] for trial in trials)


def test_each_epoch_is_charged_once(workdir: Path) -> None:
    report = run_study(*COMMAND, "study.n_trials=null", "study.n_epochs=40")
    assert 40 <= sum(trial.n_charged for trial in report.trials) < 40 + 6
    assert len({trial.turn for trial in report.trials}) == len(report.trials)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=st.lists(st.integers(1, 150), min_size=1, max_size=4))
def test_a_killed_study_continues_as_if_nothing_had_happened(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, lives: list[int]
) -> None:
    undisturbed = drive(monkeypatch, optuna.storages.InMemoryStorage(), None, *COMMAND, "storage.folder=a")
    storage = optuna.storages.InMemoryStorage()
    for life in lives:
        try:
            drive(monkeypatch, storage, life, *COMMAND, "storage.folder=b")
        except Killed:
            continue
    report = drive(monkeypatch, storage, None, *COMMAND, "storage.folder=b")
    assert facts(report.trials) == facts(undisturbed.trials)
    assert legs(report.trials) == legs(undisturbed.trials)
    assert report.study.test == undisturbed.study.test


def test_a_paused_trial_waits_in_the_record_and_is_not_adopted(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = optuna.storages.InMemoryStorage()
    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(hpo.study.trials, "next_promotion", die_at(2))
        drive(patched, storage, None, *COMMAND, "study.name=x")
    waiting, other = storage.get_all_trials(storage.get_study_id_from_name("x"))
    for trial in (waiting, other):
        assert (trial.state, trial.user_attrs["paused_at"]) == (TrialState.RUNNING, 1)
    seen = as_known(waiting)
    assert (seen.state, seen.value, waiting.value) == (TrialState.PRUNED, waiting.intermediate_values[1], None)
    report = drive(monkeypatch, storage, None, *COMMAND, "study.name=x")
    assert [trial.attempt for trial in report.trials] == [len(trial.legs) for trial in report.trials]
    kept = storage.get_all_trials(storage.get_study_id_from_name("x"))
    assert [trial.user_attrs["paused_at"] for trial in kept] == [
        trial.n_epochs if trial.state == PRUNED else None for trial in report.trials
    ]


def die_at(n: int) -> Any:
    """Returns a `next_promotion` that the driver does not outlive once `n` trials are paused."""
    real = hpo.study.trials.next_promotion

    def dying(trials: Any, *args: Any, **kwargs: Any) -> Any:
        if sum(trial.is_paused for trial, _ in trials) == n:
            raise Killed
        return real(trials, *args, **kwargs)

    return dying


def as_known(trial: FrozenTrial) -> FrozenTrial:
    """Returns what a sampler is shown of a trial."""
    storage = optuna.storages.InMemoryStorage()
    study_id = storage.create_new_study([optuna.study.StudyDirection.MINIMIZE])
    storage.create_new_trial(study_id, trial)
    view = StudyView(storage, study_id)
    with view.up_to(None):
        (seen,) = view.get_all_trials(study_id)
    return seen


@pytest.mark.slow
def test_several_workers_in_order_equal_themselves_whoever_is_late(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("trainer=synthetic", "tracking=none", "executor.n_workers=2", "study.ordered=true", *PROMOTE)
    runs = []
    for folder, slow in (("a", ()), ("b", (1, 4, 5)), ("c", (0, 2, 7))):
        monkeypatch.setattr(ProcessesExecutor, "_receive", delayed(slow))
        trials = run_study(*command, "study.n_trials=12", f"storage.path={folder}/hpo.db").trials
        runs.append((facts(trials), legs(trials)))
    assert runs[0] == runs[1] == runs[2]


def delayed(numbers: tuple[int, ...]) -> Any:
    """Returns a `_receive` that hears from the trials `numbers` half a second late, so that others end first."""
    real = ProcessesExecutor._receive
    heard: dict[tuple[int, int], float] = {}

    def receive(self: ProcessesExecutor, worker: Any, on_report: Any) -> Any:
        key = (worker.job.request.number, worker.job.request.attempt) if worker.job else (-1, 0)
        if key[0] in numbers and time.monotonic() < heard.setdefault(key, time.monotonic()) + 0.5:
            time.sleep(0.001)
            return None
        return real(self, worker, on_report)

    return receive


def test_what_follows_a_search_takes_paused_trials_for_pruned_ones(workdir: Path) -> None:
    report = run_study(*COMMAND, "study.audit=1", "study.confirm.top_k=1", "study.confirm.n_seeds=2", "study.name=x")
    n_pruned = sum(trial.state == PRUNED for trial in report.trials)
    assert report.audited.startswith(f"Audited: {n_pruned} of {n_pruned} pruned trials trained to their end")
    assert report.confirmed.startswith("Confirmed: trial ")


@pytest.mark.slow
def test_mlflow_has_one_run_for_each_trial(workdir: Path) -> None:
    report = run_study(*(word for word in COMMAND if word != "tracking=none"))
    assert report.n_unmirrored == 0
    compare_with_mlflow(report)


@pytest.mark.slow
def test_the_weights_of_a_promoted_trial_are_those_of_one_trained_straight_through(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*TINY, "~space.train.epochs", "tracking=none", "sampler=random", "study.n_trials=4", "model.log=all")
    promote = ("pruner=promote", "pruner.reduction_factor=2", "study.name=p")
    straight = drive(monkeypatch, optuna.storages.InMemoryStorage(), None, *words, "study.name=s")
    storage = optuna.storages.InMemoryStorage()
    for life in (20, 35, 60):
        with suppress(Killed):
            drive(monkeypatch, storage, life, *words, *promote)
    report = drive(monkeypatch, storage, None, *words, *promote)
    whole = [trial for trial in report.trials if trial.state == COMPLETE]
    assert whole
    for trial in whole:
        assert len(trial.legs) == 3
        hashes = [
            weights_hash(trial_folder(Path(study.folder), trial.number)) for study in (report.study, straight.study)
        ]
        assert hashes[0] == hashes[1] != ""
