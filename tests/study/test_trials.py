"""Studies whose trials pause and are promoted: interrupted equals uninterrupted, and each epoch is charged once."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hpo.study.preparation
from hpo.contracts.records import COMPLETE, PRUNED, TrialRecord
from hpo.study.session import Report, run
from hpo.terminal.display import build_display
from tests.support.mortal_storage import Killed, MortalStorage, facts
from tests.support.studies import SYNTHETIC, plan_study, run_study

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
