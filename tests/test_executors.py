"""Contract of every executor in conf/executor: same jobs, same outcomes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from hpo.config import Config, SyntheticConfig
from hpo.cores import n_cores
from hpo.executor import Executor, Job, JobKey, Outcome, Task
from hpo.executors import build_executor, check_device, n_workers
from hpo.paths import conf_folder
from hpo.processes import ProcessesExecutor
from hpo.stop import StopRequest
from hpo.trainer import Decision, EpochReport, Reason, TrialRequest

from conftest import SYNTHETIC, compose_config, run_study
from spawned import spawned

EXECUTORS = sorted(path.stem for path in (conf_folder() / "executor").glob("*.yaml"))
SMALLER = {"simulated": ("executor.n_workers=2",)}  # it holds more jobs than anybody wants to submit in a test


def make_config(name: str, *overrides: str) -> Config:
    return compose_config("trainer=synthetic", f"executor={name}", *overrides)[0]


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    config = make_config(request.param, *SMALLER.get(request.param, ()))
    executor = build_executor(config.executor, config.trainer)
    yield executor
    executor.close()


def make_job(folder: Path, number: int = 0, *, epoch_s: float = 0.0, epochs: int = 4, **changes: object) -> Job:
    config = make_config("inline")
    trial = folder / str(number)
    trial.mkdir(parents=True, exist_ok=True)
    request = TrialRequest(
        number=number,
        attempt=1,
        params={},
        model=config.model,
        train=replace(config.train, epochs=epochs),
        trainer=SyntheticConfig(noise=0.01, epoch_s=epoch_s),
        corpus="",
        seed=number,
        device="auto",
        threads=1,
        folder=str(trial),
    )
    return replace(Job(Task.TRAIN, "study", request), **changes)  # type: ignore[arg-type]  # fields of Job


class Reports:
    """Answers reports with CONTINUE, or STOP after `stop_after` epochs; keeps them."""

    def __init__(self, stop_after: int = 99) -> None:
        self.seen: list[tuple[int, int, int]] = []
        self.metrics: dict[tuple[int, int], float] = {}
        self._stop_after = stop_after

    def __call__(self, key: JobKey, report: EpochReport) -> Decision:
        self.seen.append((key.number, key.attempt, report.epoch))
        self.metrics[key.number, report.epoch] = report.metrics["valid_loss"]
        return Decision.STOP if report.epoch >= self._stop_after else Decision.CONTINUE


def drain(executor: Executor, reports: Reports, n: int, *, rounds: int = 600) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for _ in range(rounds):
        outcomes += executor.wait(reports, timeout_s=0.1)
        if len(outcomes) >= n:
            return outcomes
    raise AssertionError(f"{len(outcomes)} of {n} jobs ended")


def test_a_job_reports_each_epoch_once_and_ends(executor: Executor, tmp_path: Path) -> None:
    reports = Reports()
    executor.submit(make_job(tmp_path))
    (outcome,) = drain(executor, reports, 1)
    assert [epoch for _, _, epoch in reports.seen] == [1, 2, 3, 4]
    assert outcome.result is not None
    assert (outcome.key.number, outcome.key.attempt, outcome.result.n_epochs, outcome.result.stopped) == (
        0,
        1,
        4,
        False,
    )


def test_stop_is_obeyed(executor: Executor, tmp_path: Path) -> None:
    reports = Reports(stop_after=2)
    executor.submit(make_job(tmp_path))
    (outcome,) = drain(executor, reports, 1)
    assert len(reports.seen) == 2
    assert outcome.result is not None
    assert outcome.result.stopped


def test_a_test_job_returns_test_metrics(executor: Executor, tmp_path: Path) -> None:
    executor.submit(make_job(tmp_path))
    drain(executor, Reports(), 1)
    executor.submit(make_job(tmp_path, task=Task.TEST))
    (outcome,) = drain(executor, Reports(), 1)
    assert outcome.result is not None
    assert 0 < outcome.result.test["test_accuracy"] < 1


def test_what_has_not_begun_is_dropped_by_a_pause(executor: Executor, tmp_path: Path) -> None:
    executor.submit(make_job(tmp_path))
    assert executor.pause() == 0
    assert list(executor.wait(Reports(), timeout_s=1)) == []


def test_jobs_of_other_processes_pause_when_asked_to(pool: ProcessesExecutor, tmp_path: Path) -> None:
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


def test_a_worker_that_dies_of_its_pause_gets_no_successor(pool: ProcessesExecutor, tmp_path: Path) -> None:
    class Killing(Reports):
        def __call__(self, key: JobKey, report: EpochReport) -> Decision:
            if len(pool._workers) == n_before:
                pool.pause()
                worker = next(worker for worker in pool._workers if worker.job is not None)
                os.kill(worker.process.pid or 0, signal.SIGKILL)
            return super().__call__(key, report)

    pool.submit(make_job(tmp_path, epoch_s=0.01, epochs=40))
    n_before = len(pool._workers)
    (outcome,) = drain(pool, Killing(), 1)
    assert "exit code -9" in outcome.lost
    assert len(pool._workers) == n_before - 1


def test_a_job_in_this_process_asks_whether_a_signal_came(tmp_path: Path) -> None:
    config, stop = make_config("inline"), StopRequest()
    executor = build_executor(config.executor, config.trainer, stop)
    executor.submit(make_job(tmp_path, epoch_s=0.01, epochs=40))
    stop.signal = signal.SIGTERM
    (outcome,) = executor.wait(Reports(), timeout_s=1)
    assert outcome.result is not None
    assert (outcome.result.paused, outcome.result.n_epochs) == (True, 1)


def test_a_worker_that_somebody_else_stops_leaves_its_job_at_a_checkpoint(
    pool: ProcessesExecutor, tmp_path: Path
) -> None:
    class Terminator(Reports):
        def __call__(self, key: JobKey, report: EpochReport) -> Decision:
            if report.epoch == 2 and key.attempt == 1:
                worker = next(worker for worker in pool._workers if worker.job is not None)
                os.kill(worker.process.pid or 0, signal.SIGTERM)
            return super().__call__(key, report)

    reports, job = Terminator(), make_job(tmp_path, epoch_s=0.01, epochs=20)
    pool.submit(job)
    (paused,) = drain(pool, reports, 1)
    assert paused.result is not None
    assert paused.result.paused
    pool.submit(replace(job, request=replace(job.request, attempt=2)))
    (ended,) = drain(pool, reports, 1)
    assert ended.result is not None
    assert (ended.result.n_epochs, ended.result.paused) == (20, False)
    assert int(ended.result.facts["resumed_from"]) >= 2


SIGNALLED = """
import os, sys; sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_executors import ProcessesExecutor, Reports, drain, make_job

pool = ProcessesExecutor(n_workers=1, threads=1, preload=False)
pool.submit(make_job(Path(sys.argv[2]), epoch_s=0.01, epochs=2))
pid = pool._workers[0].process.pid
os.kill(pid, int(sys.argv[3]))
(outcome,) = drain(pool, Reports(), 1)
print(pool._workers[0].process.pid == pid, outcome.lost, outcome.result.n_epochs)
pool.close()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_the_first_worker_survives_what_a_terminal_sends_while_it_starts(number: int, tmp_path: Path) -> None:
    """In a process of its own: the first start of all also starts Python's resource tracker, which lets signals in."""
    command = [sys.executable, "-c", SIGNALLED, str(Path(__file__).parent), str(tmp_path), str(int(number))]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (ran.stdout, ran.stderr) == ("True  2\n", "")


def test_an_exception_becomes_a_failed_result(executor: Executor, tmp_path: Path) -> None:
    executor.submit(make_job(tmp_path, task=Task.TEST))  # nothing was trained there
    (outcome,) = drain(executor, Reports(), 1)
    assert outcome.result is not None
    assert outcome.result.reason is Reason.ERROR
    assert "FileNotFoundError" in (outcome.result.error or "")


def test_more_jobs_than_workers_are_refused(executor: Executor, tmp_path: Path) -> None:
    for number in range(executor.n_workers):
        executor.submit(make_job(tmp_path, number))
    with pytest.raises(RuntimeError):
        executor.submit(make_job(tmp_path, 99))


def test_waiting_for_nothing_returns(executor: Executor) -> None:
    assert executor.wait(Reports(), timeout_s=0.05) == []


def test_the_time_limit_ends_a_job(executor: Executor, tmp_path: Path) -> None:
    executor.submit(make_job(tmp_path, epoch_s=0.4, epochs=50, timeout_s=0.7))
    (outcome,) = drain(executor, Reports(), 1)
    assert outcome.result is not None
    assert outcome.result.reason is Reason.TIMEOUT
    executor.submit(make_job(tmp_path, 1))
    (outcome,) = drain(executor, Reports(), 1)
    assert outcome.result is not None
    assert outcome.result.reason is None


def test_what_a_job_waits_for_the_driver_is_no_part_of_its_time_limit(executor: Executor, tmp_path: Path) -> None:
    class Slow(Reports):
        def __call__(self, key: JobKey, report: EpochReport) -> Decision:
            time.sleep(2.0 if report.epoch == 2 else 0.0)  # its database is away
            return super().__call__(key, report)

    executor.submit(make_job(tmp_path, epoch_s=0.05, epochs=5, timeout_s=1.5))
    (outcome,) = drain(executor, Slow(), 1)
    assert outcome.result is not None
    assert (outcome.result.reason, outcome.result.n_epochs) == (None, 5)
    executor.submit(make_job(tmp_path, 1, epoch_s=0.05, epochs=5, timeout_s=1.5))
    time.sleep(2.0)
    (outcome,) = drain(executor, Reports(), 1)
    assert outcome.result is not None
    assert (outcome.result.reason, outcome.result.n_epochs) == (None, 5)


def test_all_executors_measure_the_same(tmp_path: Path) -> None:
    measured = []
    for name in EXECUTORS:
        config = make_config(name)
        executor, reports = build_executor(config.executor, config.trainer), Reports()
        for number in range(4):
            executor.submit(make_job(tmp_path / name, number))
            drain(executor, reports, 1)
        executor.close()
        measured.append(reports.metrics)
    assert all(metrics == measured[0] for metrics in measured)


@pytest.fixture
def pool() -> Iterator[ProcessesExecutor]:
    executor = ProcessesExecutor(n_workers=2, threads=1, preload=False)
    yield executor
    executor.close()


def kill_worker_at(epoch: int, *, attempts: tuple[int, ...] = (1,)) -> Reports:
    """Kills one worker process when trial 0 reports `epoch`."""

    class Killer(Reports):
        def __call__(self, key: JobKey, report: EpochReport) -> Decision:
            if key.number == 0 and report.epoch == epoch and key.attempt in attempts:
                children = spawned()
                os.kill(children[0].pid, signal.SIGKILL)
            return super().__call__(key, report)

    return Killer()


def test_a_killed_worker_loses_its_own_job_alone_and_is_replaced(tmp_path: Path) -> None:
    pool, reports = ProcessesExecutor(n_workers=1, threads=1, preload=False), kill_worker_at(2)
    try:
        pool.submit(make_job(tmp_path, epoch_s=0.05))
        (lost,) = drain(pool, reports, 1)
        assert lost.result is None
        assert "exit code -9" in lost.lost
        job = make_job(tmp_path)
        pool.submit(replace(job, request=replace(job.request, attempt=2)))
        (ended,) = drain(pool, reports, 1)
        assert ended.result is not None
        assert (ended.key.attempt, ended.result.n_epochs) == (2, 4)
    finally:
        pool.close()


def test_two_jobs_run_at_once(pool: ProcessesExecutor, tmp_path: Path) -> None:
    reports = Reports()
    for number in range(2):
        pool.submit(make_job(tmp_path, number, epoch_s=0.1))
    drain(pool, reports, 2)
    order = [number for number, _, _ in reports.seen]
    assert order != sorted(order)


def test_close_ends_every_process(tmp_path: Path) -> None:
    pool = ProcessesExecutor(n_workers=2, threads=1, preload=False)
    pool.submit(make_job(tmp_path, epoch_s=5))
    pids = [worker.process.pid for worker in pool._workers]
    pool.close()
    assert not any(psutil.pid_exists(pid) for pid in pids if pid is not None)


def test_threads_are_set_before_the_heavy_imports(pool: ProcessesExecutor, tmp_path: Path) -> None:
    for number in range(2):
        pool.submit(make_job(tmp_path, number))
    drain(pool, Reports(), 2)
    for worker in pool._workers:
        environment = psutil.Process(worker.process.pid).environ()
        assert environment["OMP_NUM_THREADS"] == environment["MKL_NUM_THREADS"] == "1"


def test_a_trial_that_kills_three_workers_is_given_up(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import hpo.study

    real = hpo.study.Driver.on_report
    killer = kill_worker_at(1, attempts=(1, 2, 3))

    def on_report(self: hpo.study.Driver, key: JobKey, report: EpochReport) -> Decision:
        killer(key, report)
        return real(self, key, report)

    monkeypatch.setattr(hpo.study.Driver, "on_report", on_report)
    report = run_study(
        *SYNTHETIC, "executor=processes", "executor.n_workers=1", "study.n_trials=2", "trainer.epoch_s=0.05"
    )
    assert [(t.state, t.reason) for t in report.trials] == [("FAIL", "crash-loop"), ("COMPLETE", None)]
    assert report.trials[0].attempt == 3


def test_the_default_is_a_one_thread_worker_per_core() -> None:
    assert n_workers(make_config("processes").executor) == n_cores()
    assert n_workers(make_config("inline").executor) == 1


def test_more_work_than_cores_is_refused() -> None:
    with pytest.raises(ValueError, match=r"executor\.n_workers=.* is more than the"):
        n_workers(make_config("processes", f"executor.n_workers={n_cores() + 1}").executor)
    with pytest.raises(ValueError, match=r"executor\.threads=.* is more than the"):
        n_workers(make_config("inline", f"executor.threads={n_cores() + 1}").executor)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "tpu:0", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f"executor.device={device} is not"):
        check_device(device)


@pytest.mark.parametrize("name", EXECUTORS)
def test_an_error_of_the_driver_is_not_taken_for_the_trials(name: str, tmp_path: Path) -> None:
    def broken(key: JobKey, report: EpochReport) -> Decision:
        raise KeyError("the driver has a bug")

    config = make_config(name)
    executor = build_executor(config.executor, config.trainer)
    try:
        executor.submit(make_job(tmp_path))
        with pytest.raises(KeyError, match="the driver has a bug"):
            executor.wait(broken, timeout_s=60)
    finally:
        executor.close()
