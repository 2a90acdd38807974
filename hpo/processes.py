"""The executor that keeps a pool of processes on this machine: spawned once, running many jobs.

One pipe per process, so that one that dies takes nothing but its own job with it. Nothing is
decided here: reports go up, answers go down.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnProcess

from hpo.cores import THREAD_VARIABLES
from hpo.executor import Job, OnReport, Outcome, wall_clock_ms
from hpo.signals import SIGNALS
from hpo.trainer import Reason, TrialResult
from hpo.worker import READY, REPORT, serve

MAX_STARTS_LOST = 3  # workers in a row that die before they are ready
LONG_S = 1.0  # what a driver takes for itself only when something is wrong, with its database for one


@dataclass
class _Worker:
    """One process of the pool: idle, or at a job since `began` (monotonic seconds)."""

    slot: int
    process: SpawnProcess
    pipe: connection.Connection
    job: Job | None = None
    began: float | None = None
    is_ready: bool = False

    @property
    def deadline(self) -> float | None:
        if self.job is None or self.job.timeout_s is None or self.began is None:
            return None
        return self.began + self.job.timeout_s


class ProcessesExecutor:
    """Runs up to `n_workers` jobs at once, each in a process with `threads` threads."""

    def __init__(self, *, n_workers: int, threads: int, preload: bool) -> None:
        self.n_workers = n_workers
        self._preload = preload
        self._n_starts_lost = 0
        self._is_pausing = False
        self._workers: list[_Worker] = []
        self._last_wait = time.monotonic()
        for variable in THREAD_VARIABLES:  # read by torch when the child imports it
            os.environ[variable] = str(threads)

    def submit(self, job: Job) -> None:
        if not self._workers:  # all at once, so that they warm up side by side; none for a study that has ended
            self._workers = [self._start(slot) for slot in range(self.n_workers)]
        worker = next((worker for worker in self._workers if worker.job is None), None)
        if worker is None:
            raise RuntimeError(f"all {self.n_workers} workers are busy")
        worker.job = job
        if worker.is_ready:
            self._hand_over(worker)

    def wait(self, on_report: OnReport, *, timeout_s: float) -> Sequence[Outcome]:
        self._excuse(self._last_wait)
        end = time.monotonic() + timeout_s
        while True:
            outcomes = self._expired()
            deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
            left = max(0.0, min([end, *deadlines]) - time.monotonic())
            ready = set(connection.wait([worker.pipe for worker in self._workers], timeout=left))
            for worker in [worker for worker in self._workers if worker.pipe in ready]:
                outcome = self._receive(worker, on_report)
                outcomes += [outcome] if outcome is not None else []
            if outcomes or time.monotonic() >= end:
                self._last_wait = time.monotonic()
                return outcomes

    def pause(self) -> int:
        self._is_pausing = True
        for worker in self._workers:
            if worker.began is None:
                worker.job = None
            elif worker.process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(worker.process.pid, signal.SIGTERM)
        return sum(worker.job is not None for worker in self._workers)

    def now_ms(self) -> int:
        return wall_clock_ms()

    def close(self) -> None:
        for worker in self._workers:
            self._end(worker)
        self._workers = []

    def _start(self, slot: int) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, slot, self._preload), daemon=True, name=f"hpo-{slot}")
        resource_tracker.ensure_running()  # its own start lets signals through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # the child's too, until `serve` can answer them
        process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()  # so that the worker's death is the pipe's end
        return _Worker(slot, process, ours)

    def _hand_over(self, worker: _Worker) -> None:
        worker.began = time.monotonic()
        with suppress(BrokenPipeError, ConnectionResetError):  # a dead worker is noticed by `wait`
            worker.pipe.send(worker.job)

    def _receive(self, worker: _Worker, on_report: OnReport) -> Outcome | None:
        try:
            kind, payload = worker.pipe.recv()
        except (EOFError, ConnectionResetError, OSError):
            return self._lost(worker)
        if kind == READY:
            worker.is_ready = True
            self._n_starts_lost = 0
            if worker.job is not None:
                self._hand_over(worker)
            return None
        assert worker.job is not None
        key = worker.job.key
        if kind == REPORT:
            began = time.monotonic()
            decision = on_report(key, payload)
            self._excuse(began)
            with suppress(BrokenPipeError, ConnectionResetError):
                worker.pipe.send(decision)
            return None
        worker.job, worker.began = None, None
        if payload.paused and not self._is_pausing:  # somebody else asked this worker to go
            self._replace(worker)
        return Outcome(key, payload)

    def _lost(self, worker: _Worker) -> Outcome | None:
        """Replaces a dead worker; returns its job's outcome if it had begun one."""
        worker.process.join(timeout=10)
        detail = f"worker process {worker.process.pid} ended with exit code {worker.process.exitcode}"
        if not worker.is_ready and not self._is_pausing:
            self._n_starts_lost += 1
            if self._n_starts_lost >= MAX_STARTS_LOST:
                raise RuntimeError(f"{detail} before its first trial, {MAX_STARTS_LOST} times in a row")
        job, was_ready = worker.job, worker.is_ready
        if self._is_pausing:  # nothing more is handed out
            self._end(worker)
            self._workers.remove(worker)
            return None if job is None else Outcome(job.key, None, lost=detail)
        replacement = self._replace(worker)
        if job is None:
            return None
        if not was_ready:  # the trial had not begun: not its fault
            replacement.job = job
            return None
        return Outcome(job.key, None, lost=detail)

    def _excuse(self, since: float) -> None:
        """Leaves out of the trials' time limits what the driver took for itself: they may have waited for it."""
        now = time.monotonic()
        if now - since > LONG_S:
            for worker in self._workers:
                if worker.began is not None:
                    worker.began = min(now, worker.began + now - since)

    def _expired(self) -> list[Outcome]:
        """Kills the workers whose job is past its time limit; returns those jobs' outcomes."""
        now = time.monotonic()
        outcomes = []
        for worker in list(self._workers):
            if worker.deadline is not None and worker.deadline <= now:
                job = worker.job
                assert job is not None
                error = f"took longer than trial.timeout_s={job.timeout_s:g}"
                result = TrialResult(n_epochs=0, reason=Reason.TIMEOUT, error=error)
                self._replace(worker)
                outcomes.append(Outcome(job.key, result))
        return outcomes

    def _replace(self, worker: _Worker) -> _Worker:
        self._end(worker)
        replacement = self._start(worker.slot)
        self._workers[self._workers.index(worker)] = replacement
        return replacement

    def _end(self, worker: _Worker) -> None:
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()
