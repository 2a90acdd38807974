"""Attempts that did not end their trial: lack of memory, lost workers, pauses, full disks; and errors that repeat."""

from __future__ import annotations

import errno
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest

from hpo.contracts.executor import Job, OnReport, Outcome, Task
from hpo.contracts.records import COMPLETE, FAIL, RUNNING, TrialRecord
from hpo.contracts.trainer import Decision, EpochReport, Reason, TrialRequest, TrialResult
from hpo.executors.inline import InlineExecutor
from hpo.executors.options import InlineConfig
from hpo.executors.simulated import SimulatedExecutor
from hpo.machine.signals import Ending
from hpo.storage.record import read_study
from hpo.study.attempts import MAX_EQUAL_ERRORS
from hpo.study.session import Report
from hpo.trainers.synthetic import Synthetic
from tests.support.comparisons import watch
from tests.support.studies import SYNTHETIC, run_study

Train = Callable[..., TrialResult]
OOM = TrialResult(0, reason=Reason.OOM, error="Epoch 1: no memory left on cuda:0. CUDA out of memory.")


def train_otherwise(monkeypatch: pytest.MonkeyPatch, otherwise: Callable[[TrialRequest], TrialResult | None]) -> None:
    """Lets the synthetic trainer end as `otherwise` says, where it says something."""
    real = Synthetic.train

    def train(self: Synthetic, request: TrialRequest, *listeners: Any) -> TrialResult:
        return otherwise(request) or real(self, request, *listeners)

    monkeypatch.setattr(Synthetic, "train", train)


def lacking_memory(*attempts: int, number: int = 2) -> Callable[[TrialRequest], TrialResult | None]:
    return lambda request: OOM if request.number == number and request.attempt in attempts else None


def test_what_lacked_memory_once_is_tried_again(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_otherwise(monkeypatch, lacking_memory(1))
    report = run_study(*SYNTHETIC, "study.n_trials=4")
    assert [trial.state for trial in report.trials] == [COMPLETE] * 4
    assert [trial.attempt for trial in report.trials] == [1, 1, 2, 1]


def test_what_lacked_memory_runs_with_nothing_beside_it(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_otherwise(monkeypatch, lacking_memory(1, number=1))
    watched = watch(monkeypatch, lambda: SimulatedExecutor(n_workers=3))
    report = run_study(
        "trainer=synthetic",
        "tracking=none",
        "executor=simulated",
        "executor.n_workers=3",
        "study.n_trials=9",
        "trainer.epoch_s=1",
        "study.test=false",
    )
    assert [trial.state for trial in report.trials] == [COMPLETE] * 9
    (again,) = [place for place, job in enumerate(watched.jobs) if job.is_alone]
    assert watched.jobs[again].request.number == 1
    out_beside = [out for n_given, out in watched.waits if n_given == again + 1]
    assert {len(out) for out in out_beside} == {1}
    assert max(len(out) for _, out in watched.waits) == 3  # everything else ran side by side


def test_lack_of_memory_twice_fails_the_trial_and_samplers_learn_of_it_without_a_value(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_otherwise(monkeypatch, lacking_memory(1, 2))
    report = run_study(*SYNTHETIC, "study.n_trials=4")
    trial = report.trials[2]
    assert (trial.state, trial.reason, trial.value, trial.attempt) == (FAIL, "oom", None, 2)
    assert "no memory left on cuda:0" in (trial.error or "")
    told = read_record(report)[0].get_trials()[2]
    assert told.state == optuna.trial.TrialState.PRUNED
    assert told.value is None
    assert told.constraints == {"memory": 1.0}
    assert read_record(report)[1][2] == trial


def read_record(report: Report) -> tuple[optuna.Study, list[TrialRecord]]:
    storage = optuna.storages.RDBStorage("sqlite:///hpo.db")
    study = optuna.load_study(study_name=report.study.name, storage=storage)
    return study, read_study(storage, report.study.name)[1]


def test_tpe_avoids_where_memory_lacked(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the space lacks memory: told of it, TPE goes there less often than at random."""

    def too_large(request: TrialRequest) -> TrialResult | None:
        return OOM if request.model.drop_mult > 0.5 else None

    train_otherwise(monkeypatch, too_large)
    low, high = "space.model.drop_mult.low=0", "space.model.drop_mult.high=1"
    command = (
        *SYNTHETIC,
        "sampler=tpe",
        "sampler.n_startup_trials=10",
        "study.n_trials=40",
        low,
        high,
        "storage=memory",
    )
    late = [trial for seed in range(3) for trial in run_study(*command, f"seed={seed}").trials[20:]]
    n_oom = sum(trial.reason == "oom" for trial in late)
    assert n_oom / len(late) < 0.25


def failing(*numbers: int, reason: Reason = Reason.ERROR, error: str = "ValueError: no such column") -> Any:
    return lambda request: TrialResult(0, reason=reason, error=error) if request.number in numbers else None


def test_equal_errors_in_a_row_pause_the_study(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        train_otherwise(patched, failing(*range(1, 99)))
        report = run_study(*SYNTHETIC, "study.n_trials=12", "study.name=x")
    assert report.ending is Ending.PAUSED
    assert report.obstacle == (
        "Study 'x' is paused: 5 trials in a row failed with the same error (ValueError: no such column); mend its "
        "cause, and the same command goes on."
    )
    assert [trial.state for trial in report.trials] == [COMPLETE] + [FAIL] * MAX_EQUAL_ERRORS
    again = run_study(*SYNTHETIC, "study.n_trials=12", "study.name=x")
    assert again.ending is Ending.BUDGET
    assert [trial.state for trial in again.trials[6:]] == [COMPLETE] * 6


@pytest.mark.parametrize(
    "otherwise",
    [
        failing(*range(99), reason=Reason.DIVERGED),  # the params' fault
        failing(*range(99), reason=Reason.TIMEOUT),
        failing(0, 1, 2, 3, 5, 6, 7, 8),  # not in a row
        lambda request: TrialResult(0, reason=Reason.ERROR, error=f"KeyError: {request.number}"),  # not equal
    ],
)
def test_other_failures_do_not(workdir: Path, monkeypatch: pytest.MonkeyPatch, otherwise: Any) -> None:
    train_otherwise(monkeypatch, otherwise)
    report = run_study(*SYNTHETIC, "study.n_trials=10")
    assert (report.ending, len(report.trials)) == (Ending.BUDGET, 10)


def test_a_full_disk_pauses_the_study_and_fails_no_trial(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_room(request: TrialRequest) -> TrialResult | None:
        if request.number == 1:
            raise OSError(errno.ENOSPC, "No space left on device", "model.safetensors")
        return None

    with monkeypatch.context() as patched:
        train_otherwise(patched, without_room)
        report = run_study(*SYNTHETIC, "study.n_trials=3")
    assert report.ending is Ending.PAUSED
    assert report.obstacle.startswith("There is no room left to write (")
    assert "model.safetensors" in report.obstacle
    assert [trial.state for trial in report.trials] == [COMPLETE, RUNNING]
    again = run_study(*SYNTHETIC, "study.n_trials=3")
    assert [(trial.state, trial.attempt) for trial in again.trials] == [(COMPLETE, 1), (COMPLETE, 2), (COMPLETE, 1)]


def test_a_record_that_cannot_be_written_pauses_the_study(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    from hpo.storage.store import StudyStore

    real = StudyStore.add_epoch

    def full(self: StudyStore, number: int, *args: Any, **kwargs: Any) -> Any:
        if number == 1:
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        return real(self, number, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(StudyStore, "add_epoch", full)
        report = run_study(*SYNTHETIC, "study.n_trials=3")
    assert report.ending is Ending.PAUSED
    assert "database or disk is full" in report.obstacle
    assert [trial.state for trial in run_study(*SYNTHETIC, "study.n_trials=3").trials] == [COMPLETE] * 3


class Partition(InlineExecutor):
    """Loses trial 1 although its worker lives: what that worker says comes after the trial has been tried again."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[Outcome] = []
        self.answers: list[Decision] = []
        self._lost: Job | None = None

    def submit(self, job: Job) -> None:
        if job.key.number == 1 and job.key.attempt == 1:
            self._lost = job
        else:
            super().submit(job)

    def wait(self, on_report: OnReport, *, timeout_s: float) -> Sequence[Outcome]:
        if self._lost is not None:
            lost, self._lost = self._lost, None
            self.late = [Outcome(lost.key, TrialResult(1, facts={"device": "the lost one"}))]
            return [Outcome(lost.key, None, lost="no sign of life")]
        for outcome in self.late:  # while the second attempt is out
            report = EpochReport(1, dict.fromkeys(("train_loss", "valid_loss", "accuracy", "macro_f1", "seconds"), 0.5))
            self.answers.append(on_report(outcome.key, report))
        late, self.late = self.late, []
        return late or super().wait(on_report, timeout_s=timeout_s)


def test_what_a_lost_worker_says_late_is_not_believed(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = Partition()
    with monkeypatch.context() as patched:
        patched.setattr(InlineConfig, "build", lambda *_: executor)
        report = run_study(*SYNTHETIC, "study.n_trials=3")
    undisturbed = run_study(*SYNTHETIC, "study.n_trials=3", "study.name=y")
    assert executor.answers == [Decision.STOP]
    assert [trial.attempt for trial in report.trials] == [1, 2, 1]
    assert report.trials[1].facts["device"] == "cpu"
    assert [trial.value for trial in report.trials] == [trial.value for trial in undisturbed.trials]


class Reaper(InlineExecutor):
    """Loses the worker of the first `n_lost` tests of a trial."""

    def __init__(self, n_lost: int) -> None:
        super().__init__()
        self.n_left = n_lost
        self._lost: list[Job] = []

    def submit(self, job: Job) -> None:
        if job.task is Task.TEST and self.n_left:
            self.n_left -= 1
            self._lost.append(job)
        else:
            super().submit(job)

    def wait(self, on_report: OnReport, *, timeout_s: float) -> Sequence[Outcome]:
        lost, self._lost = self._lost, []
        outcomes = [Outcome(job.key, None, lost="worker process 7 ended with exit code -9") for job in lost]
        return outcomes or super().wait(on_report, timeout_s=timeout_s)


@pytest.mark.parametrize(("n_lost", "is_tested"), [(1, True), (2, True), (3, False)])
def test_a_test_whose_worker_dies_is_tried_again(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, n_lost: int, is_tested: bool
) -> None:
    executor = Reaper(n_lost)
    with monkeypatch.context() as patched:
        patched.setattr(InlineConfig, "build", lambda *_: executor)
        report = run_study(*SYNTHETIC, "study.n_trials=3")
    assert (bool(report.study.test), executor.n_left) == (is_tested, 0)
    assert run_study(*SYNTHETIC, "study.n_trials=3").study.test  # what was given up is the next command's


@pytest.mark.parametrize("jump_s", [-3600, 3600])
def test_a_clock_that_is_set_changes_nothing(workdir: Path, monkeypatch: pytest.MonkeyPatch, jump_s: int) -> None:
    """In the middle of a study, by an hour: trials end in their order, and no budget of time is spent by it."""
    real = time.time_ns

    def set_the_clock(request: TrialRequest) -> None:
        if request.number == 2:
            monkeypatch.setattr(time, "time_ns", lambda: real() + jump_s * 10**9)
            monkeypatch.setattr(time, "time", lambda: real() / 1e9 + jump_s)

    train_otherwise(monkeypatch, set_the_clock)
    command = (*SYNTHETIC, "study.n_trials=5", "study.timeout_s=600", "trial.timeout_s=600")
    report = run_study(*command)
    assert (report.ending, [trial.state for trial in report.trials]) == (Ending.BUDGET, [COMPLETE] * 5)
    times = [time_ms for trial in report.trials for time_ms in (trial.started_ms, trial.ended_ms or 0)]
    assert times == sorted(times)
    assert times[-1] - times[0] < 600_000


def test_a_database_that_is_locked_for_a_while_is_waited_for(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[sqlite3.Connection] = []

    def lock(request: TrialRequest) -> None:
        if request.number == 1:
            connection = sqlite3.connect("hpo.db", check_same_thread=False, isolation_level=None)
            connection.execute("BEGIN IMMEDIATE")
            held.append(connection)
            threading.Timer(2.0, connection.rollback).start()

    train_otherwise(monkeypatch, lock)
    report = run_study(*SYNTHETIC, "study.n_trials=3")
    assert len(held) == 1
    held[0].close()
    assert [trial.state for trial in report.trials] == [COMPLETE] * 3


def test_a_damaged_checkpoint_is_said_and_tagged(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = (*SYNTHETIC, "trainer.epoch_s=0.001", "study.n_trials=1", "study.name=x")

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("hpo.study.trials.TrialBook.note_end", fail)
        with pytest.raises(KeyboardInterrupt):
            run_study(*command)
    newest = sorted(Path("studies/x/trials/0000/checkpoints").glob("*.safetensors"))[-1]
    newest.write_bytes(b"x" + newest.read_bytes()[1:])
    capsys.readouterr()
    report = run_study(*command)
    assert f"Trial 0: {newest.name} is not used: its content does not match its hash." in capsys.readouterr().out
    assert newest.name in report.trials[0].facts["checkpoint_warning"]
    assert report.trials[0].facts["resumed_from"] == str(report.trials[0].n_epochs - 1)


def test_a_paused_trial_waits_for_whoever_goes_on(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause nobody asked the study for, as when a worker alone is told to go: the trial is taken up again."""
    train_otherwise(monkeypatch, lambda request: TrialResult(0, paused=True) if request.attempt < 3 else None)
    watch(monkeypatch, InlineExecutor)
    report = run_study(*SYNTHETIC, "study.n_trials=2")
    assert [(trial.state, trial.attempt) for trial in report.trials] == [(COMPLETE, 3)] * 2
