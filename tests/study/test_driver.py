"""The driver: budgets, resuming, ordered results, failures; interrupted equals uninterrupted."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hpo.study.budget
import hpo.study.driver
import hpo.study.preparation
import hpo.study.session
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, REPEATED, RUNNING
from hpo.executors.processes import ProcessesExecutor
from hpo.machine.signals import Ending
from hpo.space.space import canonical
from hpo.storage.record import ELAPSED, read_study
from hpo.study.refusal import Refused
from hpo.study.session import Report, run
from hpo.terminal.display import build_display
from tests.support.mortal_storage import Killed, MortalStorage, facts
from tests.support.studies import SYNTHETIC, plan_study, run_study


def drive(
    monkeypatch: pytest.MonkeyPatch, storage: optuna.storages.BaseStorage, writes_to_live: int | None, *overrides: str
) -> Report:
    mortal = MortalStorage(storage, writes_to_live)
    monkeypatch.setattr(hpo.study.preparation, "open_storage", lambda _: mortal)
    return run(plan_study("trainer=synthetic", "tracking=none", *overrides), build_display())


COMMAND = (
    "executor=inline",
    "sampler=tpe",
    "sampler.n_startup_trials=3",
    "pruner=asha",
    "study.n_trials=6",
    "trainer.epoch_s=0.0001",
)


@pytest.mark.parametrize(
    "pruner", ["asha", *(pytest.param(pruner, marks=pytest.mark.slow) for pruner in ("hyperband", "median"))]
)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=st.lists(st.integers(1, 120), min_size=1, max_size=4))
def test_a_killed_study_continues_as_if_nothing_had_happened(
    pruner: str, workdir: Path, monkeypatch: pytest.MonkeyPatch, lives: list[int]
) -> None:
    command = (*COMMAND, f"pruner={pruner}")
    undisturbed = drive(monkeypatch, optuna.storages.InMemoryStorage(), None, *command, "storage.folder=a")
    storage = optuna.storages.InMemoryStorage()
    for life in lives:
        try:
            drive(monkeypatch, storage, life, *command, "storage.folder=b")
        except Killed:
            continue
    report = drive(monkeypatch, storage, None, *command, "storage.folder=b")
    assert facts(report.trials) == facts(undisturbed.trials)
    assert report.study.test == undisturbed.study.test


def test_checkpoints_that_outlived_their_record_do_no_harm(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = (*COMMAND, "pruner=median")
    undisturbed = drive(monkeypatch, optuna.storages.InMemoryStorage(), None, *command, "storage.folder=a")
    for life in range(30, 130, 9):
        with suppress(Killed):
            drive(monkeypatch, optuna.storages.InMemoryStorage(), life, *command, "storage.folder=b")
    report = drive(monkeypatch, optuna.storages.InMemoryStorage(), None, *command, "storage.folder=b")
    assert facts(report.trials) == facts(undisturbed.trials)


def test_pruning_happens_in_the_study_killed_above(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = drive(monkeypatch, optuna.storages.InMemoryStorage(), None, *COMMAND)
    assert {t.state for t in report.trials} == {COMPLETE, PRUNED}


def test_several_workers_in_order_equal_themselves(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ("trainer=synthetic", "tracking=none", "executor.n_workers=2", "study.ordered=true", "pruner=asha")
    command += ("sampler.n_startup_trials=2", "trainer.epoch_s=0.005")
    runs = []
    for folder, first, slow in (("a", 14, ()), ("b", 5, (4, 7, 9)), ("c", 8, (3, 5, 10))):
        monkeypatch.setattr(ProcessesExecutor, "_receive", delayed(slow))
        place = f"storage.path={folder}/hpo.db"
        run_study(*command, place, f"study.n_trials={first}")
        runs.append(facts(run_study(*command, place, "study.n_trials=14").trials))
    assert runs[0] == runs[1] == runs[2]
    assert [fact[0] for fact in runs[0]] == list(range(14))


def delayed(numbers: tuple[int, ...]) -> Any:
    """Returns a `_receive` that hears from the trials `numbers` half a second late, so that others end first."""
    real = ProcessesExecutor._receive
    heard: dict[int, float] = {}

    def receive(self: ProcessesExecutor, worker: Any, on_report: Any) -> Any:
        number = worker.job.request.number if worker.job else None
        if number in numbers and time.monotonic() < heard.setdefault(number, time.monotonic()) + 0.5:
            time.sleep(0.001)
            return None
        return real(self, worker, on_report)

    return receive


def test_the_budget_is_a_total(workdir: Path) -> None:
    assert len(run_study(*SYNTHETIC, "study.n_trials=3").trials) == 3
    assert len(run_study(*SYNTHETIC, "study.n_trials=5").trials) == 5
    again = run_study(*SYNTHETIC, "study.n_trials=5")
    assert len(again.trials) == 5
    assert again.ending is Ending.BUDGET


def test_a_budget_of_epochs_is_kept_within_one_trial(workdir: Path) -> None:
    report = run_study(*SYNTHETIC, "study.n_trials=null", "study.n_epochs=30")
    spent = sum(t.n_epochs for t in report.trials)
    assert 30 <= spent < 30 + 6


@pytest.mark.parametrize("limit", ["study.n_epochs=3", "study.trials_s=0.01"])
def test_a_study_in_which_every_trial_diverges_at_once_ends(workdir: Path, limit: str) -> None:
    report = run_study(*SYNTHETIC, "space.train.lr.low=1", "space.train.lr.high=2", "study.n_trials=1000", limit)
    assert {trial.reason for trial in report.trials} == {"diverged"}
    assert len(report.trials) == 3 if limit == "study.n_epochs=3" else len(report.trials) < 1000


def test_a_budget_of_seconds_counts_over_all_drivers(workdir: Path) -> None:
    slow = (*SYNTHETIC, "study.n_trials=null", "trainer.epoch_s=0.05", "study.timeout_s=1")
    first = len(run_study(*slow).trials)
    assert first >= 1
    assert len(run_study(*slow).trials) == first


def test_the_time_of_a_trial_that_its_driver_did_not_outlive_is_spent(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    storage = optuna.storages.InMemoryStorage()
    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(hpo.study.budget, "NOTE_EVERY_S", 0.0)
        patched.setattr(hpo.study.driver.Driver, "on_end", die)
        patched.setattr(hpo.study.driver.Driver, "close", lambda _: None)
        drive(monkeypatch, storage, None, *COMMAND, "study.name=x", "trainer.epoch_s=0.05", "study.timeout_s=600")
    spent_s = storage.get_study_system_attrs(storage.get_study_id_from_name("x"))[ELAPSED]
    assert spent_s >= 0.05


def test_a_grid_ends_when_every_cell_has_its_trial(workdir: Path) -> None:
    small = ("sampler=grid", "~space.train.lr", "~space.model.drop_mult", "study.n_trials=100")
    report = run_study(*SYNTHETIC, *small)
    assert report.ending is Ending.EXHAUSTED
    assert len({canonical(t.params) for t in report.trials}) == len(report.trials) == 9
    wide = run_study(
        *SYNTHETIC, *small, "space.train.epochs.levels=[2,3,4,6]", "seed=5", f"study.name={report.study.name}"
    )
    assert len({canonical(t.params) for t in wide.trials}) == len(wide.trials) == 12


def test_any_sampler_ends_when_every_configuration_of_a_finite_space_has_its_trial(workdir: Path) -> None:
    small = ("sampler=tpe", "sampler.n_startup_trials=4", "~space.train.lr", "~space.model.drop_mult")
    report = run_study(
        *SYNTHETIC, *small, "space.train.epochs.high=3", "space.train.epochs.levels=[2]", "study.n_trials=9"
    )
    assert report.ending is Ending.EXHAUSTED
    assert len({canonical(trial.params) for trial in report.trials}) == len(report.trials) == 6
    replaced = [trial for trial in report.trials if trial.facts.get("origin") == REPEATED]
    assert 0 < len(replaced) < 6


def test_a_trial_that_diverges_fails_without_a_value(workdir: Path) -> None:
    report = run_study(*SYNTHETIC, "space.train.lr.low=2", "space.train.lr.high=9", "study.n_trials=3")
    assert [(t.state, t.reason, t.value) for t in report.trials] == [(FAIL, "diverged", None)] * 3
    assert report.study.best(report.trials) is None


def test_an_error_in_the_trainer_fails_the_trial_with_its_traceback(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hpo.trainers.synthetic import Synthetic

    def broken(*_: object) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(Synthetic, "train", broken)
    report = run_study(*SYNTHETIC, "study.n_trials=2")
    assert [(t.state, t.reason) for t in report.trials] == [(FAIL, "error")] * 2
    assert "RuntimeError: the disk is on fire" in (report.trials[0].error or "")


def test_a_trial_past_its_time_limit_fails(workdir: Path) -> None:
    slow = ("trainer.epoch_s=0.5", "trial.timeout_s=0.6", "study.n_trials=2", "space.train.epochs.low=4")
    slow += ("space.train.epochs.levels=[4,6]",)
    for executor in ("inline", "processes"):
        report = run_study(
            "trainer=synthetic", "tracking=none", f"executor={executor}", *slow, f"study.name={executor}"
        )
        assert [(t.state, t.reason) for t in report.trials] == [(FAIL, "timeout")] * 2


def test_only_the_best_trial_keeps_its_weights(workdir: Path) -> None:
    report = run_study(*SYNTHETIC, "study.n_trials=6")
    best = report.study.best(report.trials)
    assert best is not None
    kept = [path.parent.name for path in Path(report.study.folder).glob("trials/*/model.json")]
    assert kept == [f"{best.number:04d}"]
    assert report.study.test["trial"] == best.number


def test_what_is_read_back_is_what_was_run(workdir: Path) -> None:
    report = run_study(*SYNTHETIC, "study.n_trials=4")
    storage = optuna.storages.RDBStorage("sqlite:///hpo.db")
    study, trials = read_study(storage, report.study.name)
    assert trials == report.trials
    assert study == report.study
    assert not [t for t in trials if t.state == RUNNING]


CHANGES = {
    "train.batch_size=16": "train.batch_size was 32 and is now 16",
    "space.train.lr.high=0.2": "space.train.lr was",
    "~space.train.lr": "space.train.lr was",
    "study.metric=valid_loss": "study.metric was accuracy and is now valid_loss",
    "trainer.noise=0.5": "trainer.noise was 0.01 and is now 0.5",
    "pruner=asha": "pruner was NoPruner and is now Asha",
    "sampler=random": "sampler was TPE and is now Random",
    "seed=1": "seed was 0 and is now 1",
    "storage.folder=other": "storage.folder was studies and is now other",
    "model.n_layers=3": "model.n_layers was 2 and is now 3",
    "study.ordered=true": "study.ordered was False and is now True",
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study named x, to be continued with other settings."""
    path = tmp_path_factory.mktemp("record") / "hpo.db"
    run_study(*SYNTHETIC, "study.n_trials=1", "study.name=x", f"storage.path={path}")
    return path


@pytest.mark.parametrize("change", CHANGES)
def test_a_study_is_not_continued_as_another_one(record: Path, change: str) -> None:
    with pytest.raises(Refused) as refusal:
        run_study(*SYNTHETIC, "study.n_trials=2", "study.name=x", f"storage.path={record}", change)
    assert CHANGES[change] in str(refusal.value)
    assert "study.name" in str(refusal.value)


ALLOWED = ("study.n_trials=2", "study.timeout_s=99", "executor.threads=2", "study.test=false", "trial.timeout_s=50")


@pytest.mark.parametrize("change", ALLOWED)
def test_budgets_and_surroundings_may_change(record: Path, change: str) -> None:
    run_study(*SYNTHETIC, "study.n_trials=1", "study.name=x", f"storage.path={record}", change)


def test_a_grid_visits_each_cell_once_in_all_brackets_of_hyperband(workdir: Path) -> None:
    report = run_study(*SYNTHETIC, "sampler=grid", "pruner=hyperband", "space.train.epochs.levels=[4,6]")
    cells = [canonical(trial.params) for trial in report.trials]
    assert len(cells) == len(set(cells)) == 12
