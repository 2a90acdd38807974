"""What every executor with workers of its own owes a study: pauses, dead workers, lost nodes, the same numbers."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

import hpo.study.driver
import hpo.study.session
from hpo.contracts.executor import Executor, JobKey
from hpo.contracts.records import COMPLETE, FAIL, TrialRecord
from hpo.contracts.trainer import Decision, EpochReport
from hpo.executors.options import InlineConfig, ProcessesConfig, RayConfig, SimulatedConfig
from hpo.executors.slurm import SlurmConfig
from tests.support.executor_jobs import Reports, drain, make_config, make_job
from tests.support.studies import run_study

POOLED = ("processes", "ray", "slurm")
SLOWER = ["processes", *(pytest.param(name, marks=pytest.mark.slow) for name in ("ray", "slurm"))]
STUDY = ("trainer=synthetic", "tracking=none", "trainer.epoch_s=0.05", "executor.n_workers=2", "study.ordered=true")


def words(name: str, *overrides: str) -> tuple[str, ...]:
    """Returns the overrides that choose an executor; Slurm's jobs are processes of this machine."""
    return (f"executor={name}", *(["executor.cluster=local"] if name == "slurm" else []), *overrides)


@pytest.fixture(params=POOLED)
def name(request: pytest.FixtureRequest, workdir: Path) -> str:
    if request.param == "ray":
        request.getfixturevalue("ray_started")
    return str(request.param)


@pytest.fixture
def pool(name: str) -> Iterator[Any]:
    config = make_config(name, "executor.n_workers=2")
    executor = config.executor.build(config.trainer)
    yield executor
    executor.close()


def pids(executor: Any) -> list[int]:
    """Returns the processes of the workers that are at a job."""
    return [pid for worker in executor._workers if worker.job is not None and (pid := _pid(worker))]


def _pid(worker: Any) -> int | None:
    if hasattr(worker, "submitted"):
        (task,) = psutil.Process(worker.submitted._process.pid).children()
        return task.pid
    return worker.process.pid if hasattr(worker, "process") else worker.pid  # type: ignore[no-any-return]


def test_jobs_pause_when_asked_to(pool: Executor, tmp_path: Path) -> None:
    class Pausing(Reports):
        n_left = -1

        def __call__(self, key: JobKey, report: EpochReport) -> Decision:
            if report.epoch == 2 and self.n_left < 0:
                self.n_left = pool.pause()
            return super().__call__(key, report)

    reports = Pausing()
    pool.submit(make_job(tmp_path, epoch_s=0.05, epochs=40))
    (outcome,) = drain(pool, reports, 1)
    assert outcome.result is not None
    assert (outcome.result.paused, reports.n_left) == (True, 1)
    assert len(reports.seen) < 10
    assert len(list(tmp_path.glob("0/checkpoints/*.safetensors"))) == 2


def test_a_job_that_is_being_trained_ends_with_the_executor(pool: Any, tmp_path: Path) -> None:
    pool.submit(make_job(tmp_path, epoch_s=0.05, epochs=1000))
    reports = Reports()
    while not reports.seen:
        pool.wait(reports, timeout_s=0.1)
    workers = [psutil.Process(pid) for pid in pids(pool)]
    assert len(workers) == 1
    pool.close()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE] == []


def test_a_killed_worker_loses_its_own_job_alone(pool: Any, tmp_path: Path) -> None:
    class Killer(Reports):
        def __call__(self, key: JobKey, report: EpochReport) -> Decision:
            if key.number == 0 and report.epoch == 2 and key.attempt == 1:
                busy = next(w for w in pool._workers if w.job is not None and w.job.key == key)
                os.kill(_pid(busy) or 0, signal.SIGKILL)
            return super().__call__(key, report)

    reports, jobs = Killer(), [make_job(tmp_path, number, epoch_s=0.1, epochs=6) for number in range(2)]
    for job in jobs:
        pool.submit(job)
    lost, other = sorted(drain(pool, reports, 2), key=lambda outcome: outcome.key.number)
    assert (lost.result, bool(lost.lost)) == (None, True)
    assert other.result is not None
    assert other.result.n_epochs == 6
    pool.submit(replace(jobs[0], request=replace(jobs[0].request, attempt=2)))
    (again,) = drain(pool, reports, 1)
    assert again.result is not None
    assert int(again.result.facts["resumed_from"]) >= 2
    assert sorted({number for number, _, _ in reports.seen}) == [0, 1]


def test_jobs_do_not_wait_for_a_worker_that_does_not_start(pool: Any, tmp_path: Path) -> None:
    """One node is busy with others, one job of Slurm stays in its queue: what is there does the work."""
    heard = pool._heard
    pool._heard = lambda timeout_s: [worker for worker in heard(timeout_s) if worker.slot == 0]
    for number in range(2):
        pool.submit(make_job(tmp_path, number))
    outcomes = drain(pool, Reports(), 2)
    assert sorted(outcome.key.number for outcome in outcomes) == [0, 1]


def follow(monkeypatch: pytest.MonkeyPatch, on_report: Callable[[Any, JobKey, EpochReport], None]) -> None:
    """Calls `on_report` with the executor of every study, before the driver hears of a report."""
    built: list[Executor] = []
    real_report = hpo.study.driver.Driver.on_report

    def watching(real_build: Callable[..., Executor]) -> Callable[..., Executor]:
        def build(*args: Any) -> Executor:
            built.append(real_build(*args))
            return built[-1]

        return build

    def report(self: hpo.study.driver.Driver, key: JobKey, report: EpochReport) -> Decision:
        on_report(built[-1], key, report)
        return real_report(self, key, report)

    for option in (InlineConfig, ProcessesConfig, RayConfig, SimulatedConfig, SlurmConfig):
        monkeypatch.setattr(option, "build", watching(option.build))
    monkeypatch.setattr(hpo.study.driver.Driver, "on_report", report)


def kill_at(epoch: int, number: int, attempts: tuple[int, ...]) -> Callable[[Any, JobKey, EpochReport], None]:
    def on_report(executor: Any, key: JobKey, report: EpochReport) -> None:
        if (key.number, report.epoch) == (number, epoch) and key.attempt in attempts:
            busy = next(worker for worker in executor._workers if worker.job is not None and worker.job.key == key)
            os.kill(_pid(busy) or 0, signal.SIGKILL)

    return on_report


def measured(trials: list[TrialRecord]) -> list[object]:
    """Returns what equal studies share, to the last bit."""
    return [(t.number, t.state, t.params, t.value, [epoch.metrics["valid_loss"] for epoch in t.epochs]) for t in trials]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("undisturbed"))
        return measured(run_study(*STUDY, *EARLY, "executor=processes").trials)


EARLY = ("study.n_trials=6", "sampler.n_startup_trials=2", "pruner=asha")


def test_a_study_in_order_is_the_same_on_every_executor_though_a_worker_is_killed(
    name: str, undisturbed: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(monkeypatch, kill_at(2, number=1, attempts=(1,)))
    report = run_study(*STUDY, *EARLY, *words(name))
    assert measured(report.trials) == undisturbed
    assert [trial.attempt for trial in report.trials] == [1, 2, 1, 1, 1, 1]


@pytest.mark.parametrize("name", SLOWER, indirect=True)
def test_a_trial_that_kills_three_workers_is_given_up(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(monkeypatch, kill_at(1, number=0, attempts=(1, 2, 3)))
    report = run_study(*STUDY, *words(name), "study.n_trials=2")
    assert [(t.state, t.reason) for t in report.trials] == [(FAIL, "crash-loop"), (COMPLETE, None)]
    assert report.trials[0].attempt == 3


@pytest.mark.parametrize("name", SLOWER, indirect=True)
def test_a_trial_past_its_time_fails_and_the_study_goes_on(name: str) -> None:
    report = run_study(
        *STUDY[:2], *words(name), "executor.n_workers=2", "trainer.epoch_s=0.4", "trial.timeout_s=1", "study.n_trials=2"
    )
    assert {(t.state, t.reason) for t in report.trials} == {(FAIL, "timeout")}


@pytest.mark.parametrize("name", SLOWER, indirect=True)
def test_workers_that_never_start_pause_the_study(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every worker dies as it begins, for want of what it imports or of a shared folder."""
    executors = {
        "processes": "hpo.executors.processes.ProcessesExecutor",
        "ray": "hpo.executors.ray.RayExecutor",
        "slurm": "hpo.executors.slurm.SlurmExecutor",
    }
    from hpo.executors.pool import WorkerLost

    def dead(self: Any, worker: Any) -> tuple[str, object]:
        raise WorkerLost("worker 1 ended")

    monkeypatch.setattr(f"{executors[name]}._next_message", dead)
    report = run_study(*STUDY, *words(name), "study.n_trials=2")
    assert report.obstacle.startswith("worker 1 ended before its first trial, 3 times in a row; mend the cause")


def test_a_wait_for_the_first_worker_is_told_once(
    workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hpo.executors.pool.PATIENCE_S", 0.05)
    pool: Any = make_config("processes").executor.build(make_config("processes").trainer)
    pool._heard = lambda timeout_s: time.sleep(timeout_s) or []
    pool.submit(make_job(tmp_path))
    with caplog.at_level("INFO", logger="hpo"):
        for _ in range(4):
            pool.wait(Reports(), timeout_s=0.1)
    pool.close()
    assert [record.getMessage() for record in caplog.records] == [
        "No worker has started yet: this machine takes its time to start them, and trials wait."
    ]
