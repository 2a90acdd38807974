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

from hpo.contracts.executor import Executor, JobKey, Task
from hpo.contracts.trainer import Decision, EpochReport, Reason
from hpo.executors.options import check_device
from hpo.executors.processes import ProcessesExecutor
from hpo.executors.simulated import SimulatedExecutor
from hpo.machine.cores import n_cores, name_gpu
from hpo.machine.paths import conf_folder
from hpo.machine.signals import StopRequest
from tests.support import ROOT, extras
from tests.support.executor_jobs import Reports, drain, make_config, make_job, no_preload
from tests.support.worker_processes import spawned

EXECUTORS = sorted(path.stem for path in (conf_folder() / "executor").glob("*.yaml"))


@pytest.fixture(params=EXECUTORS)
def executor(request: pytest.FixtureRequest, workdir: Path) -> Iterator[Executor]:
    if request.param == "ray":
        request.getfixturevalue("ray_started")
    config = make_config(request.param)
    executor = config.executor.build(config.trainer)
    yield executor
    executor.close()


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
    executor = config.executor.build(config.trainer, stop)
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
from tests.support.executor_jobs import Reports, drain, make_job, no_preload
from hpo.executors.processes import ProcessesExecutor

pool = ProcessesExecutor(n_workers=1, threads=1, preload=no_preload)
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
    command = [sys.executable, "-c", SIGNALLED, str(ROOT), str(tmp_path), str(int(number))]
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


def test_all_executors_measure_the_same(ray_started: None, tmp_path: Path) -> None:
    measured = []
    for name in EXECUTORS:
        config = make_config(name)
        executor, reports = config.executor.build(config.trainer), Reports()
        for number in range(4):
            executor.submit(make_job(tmp_path / name, number))
            drain(executor, reports, 1)
        executor.close()
        measured.append(reports.metrics)
    assert all(metrics == measured[0] for metrics in measured)


@pytest.fixture
def pool() -> Iterator[ProcessesExecutor]:
    executor = ProcessesExecutor(n_workers=2, threads=1, preload=no_preload)
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
    pool, reports = ProcessesExecutor(n_workers=1, threads=1, preload=no_preload), kill_worker_at(2)
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
        pool.submit(make_job(tmp_path, number, epoch_s=0.1, epochs=20))
    drain(pool, reports, 2)
    order = [number for number, _, _ in reports.seen]
    assert order != sorted(order)


def test_close_ends_every_process(tmp_path: Path) -> None:
    pool = ProcessesExecutor(n_workers=2, threads=1, preload=no_preload)
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


def test_the_default_is_a_one_thread_worker_per_core() -> None:
    assert make_config("processes").executor.count_workers() == n_cores()
    assert make_config("inline").executor.count_workers() == 1


def test_more_work_than_cores_is_refused() -> None:
    with pytest.raises(ValueError, match=r"executor\.n_workers=.* is more than the"):
        make_config("processes", f"executor.n_workers={n_cores() + 1}").executor.count_workers()
    with pytest.raises(ValueError, match=r"executor\.threads=.* is more than the"):
        make_config("inline", f"executor.threads={n_cores() + 1}").executor.count_workers()


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_an_executor_without_its_package_is_refused(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.executors.options.find_spec", lambda _: None)
    with pytest.raises(ValueError) as told:  # noqa: PT011  # the whole sentence is compared
        make_config(name).executor.check(make_config(name).trainer)
    (requirement,) = extras()[name]
    assert str(told.value) == f'executor={name} needs the package {package}; pip install "{requirement}" installs it.'


@pytest.mark.parametrize("name", ["ray", "slurm"])
def test_a_device_of_one_machine_is_refused_for_a_cluster(name: str) -> None:
    with pytest.raises(ValueError, match=rf"executor\.device=cuda:1 cannot be chosen for executor={name}"):
        make_config(name, "executor.device=cuda:1").executor.check(make_config(name, "executor.device=cuda:1").trainer)


def test_each_worker_sees_its_own_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    config = make_config("processes", "executor.n_workers=2", "executor.trials_per_gpu=1")
    pool = config.executor.build(config.trainer)
    assert isinstance(pool, ProcessesExecutor)
    for number in range(2):
        pool.submit(make_job(tmp_path, number))
    drain(pool, Reports(), 2)
    seen = [psutil.Process(worker.process.pid).environ()["CUDA_VISIBLE_DEVICES"] for worker in pool._workers]
    pool.close()
    assert seen == ["3", "5"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3, 5"


@pytest.mark.parametrize(("trials_per_gpu", "expected"), [(1, 2), (3, 6), (99, 16)])
def test_trials_share_gpus_as_far_as_there_are_cores(
    trials_per_gpu: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    monkeypatch.setattr("hpo.executors.options.n_cores", lambda: 16)
    assert make_config("processes", f"executor.trials_per_gpu={trials_per_gpu}").executor.count_workers() == expected


def test_a_gpu_is_named_as_the_machine_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-5ca1ab1e")
    assert [name_gpu(device) for device in ("cuda", "cuda:0", "cuda:1")] == ["3", "3", "GPU-5ca1ab1e"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert [name_gpu(device) for device in ("cuda", "cuda:1")] == ["0", "1"]


def test_a_job_whose_folder_is_not_on_its_machine_pauses_the_study(executor: Executor, tmp_path: Path) -> None:
    if isinstance(executor, SimulatedExecutor):
        pytest.skip("it has no other machines")
    job = make_job(tmp_path)
    (tmp_path / "0").rmdir()
    executor.submit(job)
    (outcome,) = drain(executor, Reports(), 1)
    assert outcome.result is not None
    assert outcome.result.paused
    assert outcome.result.obstacle.startswith(f"The trial's folder {tmp_path / '0'} is not on ")
    assert "give storage.folder=FOLDER in a file system that all machines with workers share" in outcome.result.obstacle


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "tpu:0", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f"executor.device={device} is not"):
        check_device(device)


@pytest.mark.parametrize("name", EXECUTORS)
def test_an_error_of_the_driver_is_not_taken_for_the_trials(name: str, ray_started: None, tmp_path: Path) -> None:
    def broken(key: JobKey, report: EpochReport) -> Decision:
        raise KeyError("the driver has a bug")

    config = make_config(name)
    executor = config.executor.build(config.trainer)
    try:
        executor.submit(make_job(tmp_path))
        with pytest.raises(KeyError, match="the driver has a bug"):
            executor.wait(broken, timeout_s=60)
    finally:
        executor.close()
