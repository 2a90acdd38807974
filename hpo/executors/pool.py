"""What every executor with workers of its own does: jobs to those that are free, deadlines, replacements.

How a worker is started, spoken to and ended is the business of the modules that derive from it: `processes`, `ray`,
`slurm`.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hpo.contracts.executor import Job, NoWorkers, OnReport, Outcome, wall_clock_ms
from hpo.contracts.trainer import Decision, TrialResult
from hpo.executors.worker import READY, REPORT, timed_out

_log = logging.getLogger(__name__)
LONG_S = 1.0  # what a driver takes for itself only when something is wrong, with its database for one
PATIENCE_S = 60  # without any worker, until a line says so
MAX_STARTS_LOST = 3  # workers in a row that die before they are ready


class WorkerLost(Exception):
    """A worker died; the sentence says what is known of its death, without a full stop."""


@dataclass(eq=False)
class PooledWorker:
    """One worker: starting, idle, or at a job since `began` (monotonic seconds), which may have been told to pause."""

    slot: int
    job: Job | None = None
    began: float = 0.0
    is_ready: bool = False
    is_pausing: bool = False

    @property
    def deadline(self) -> float | None:
        if self.job is None or self.job.timeout_s is None:
            return None
        return self.began + self.job.timeout_s


W = TypeVar("W", bound=PooledWorker)


class PooledExecutor(ABC, Generic[W]):
    """Runs up to `n_workers` jobs at once, each on a worker that lives for many jobs.

    A job waits until a worker is ready for it, so one whose start takes long, as in the queue of a cluster, holds
    nothing up. A worker has one job at a time and waits for the answer to each report. What comes from a worker that
    was replaced is never looked at.
    """

    delay = "trials wait for room on the cluster"  # said while no worker has started

    def __init__(self, *, n_workers: int) -> None:
        self.n_workers = n_workers
        self._n_starts_lost = 0
        self._is_pausing = False
        self._began: float | None = None  # to wait for the first worker
        self._last_wait = time.monotonic()
        self._waiting: list[Job] = []
        self._workers: list[W] = []

    def submit(self, job: Job) -> None:
        if not self._workers:  # all at once, so that they warm up side by side; none for a study that has ended
            self._workers = [self._start(slot) for slot in range(self.n_workers)]
            self._began = time.monotonic()
        if self._n_out() >= self.n_workers:
            raise RuntimeError(f"all {self.n_workers} workers are busy")
        self._waiting.append(job)
        self._hand_out()

    def wait(self, on_report: OnReport, *, timeout_s: float) -> Sequence[Outcome]:
        self._excuse(self._last_wait)
        end = time.monotonic() + timeout_s
        while True:
            self._note_delay()
            outcomes = self._expired()
            deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
            left = max(0.0, min([end, *deadlines]) - time.monotonic())
            for worker in self._heard(left):
                outcome = self._receive(worker, on_report)
                outcomes += [outcome] if outcome is not None else []
            if outcomes or time.monotonic() >= end:
                self._last_wait = time.monotonic()
                return outcomes

    def pause(self) -> int:
        self._is_pausing = True
        self._waiting.clear()
        busy = [worker for worker in self._workers if worker.job is not None]
        for worker in busy:
            self._ask_to_pause(worker)
        return len(busy)

    def now_ms(self) -> int:
        return wall_clock_ms()

    def close(self) -> None:
        self._waiting.clear()
        for worker in self._workers:
            self._end(worker)
        self._workers = []

    @abstractmethod
    def _start(self, slot: int) -> W:
        """Returns a worker that sends READY once it is."""

    @abstractmethod
    def _heard(self, timeout_s: float) -> Sequence[W]:
        """Returns the workers that have a message or died, as soon as there is one; none after `timeout_s`."""

    @abstractmethod
    def _next_message(self, worker: W) -> tuple[str, object]:
        """Returns the next message of a worker: READY, REPORT or RESULT, and what goes with it.

        Raises:
            WorkerLost: if it died.
        """

    @abstractmethod
    def _send(self, worker: W, message: Job | Decision) -> None:
        """Hands a worker a job, or the answer to its report; one that is dead is noticed later."""

    @abstractmethod
    def _ask_to_pause(self, worker: W) -> None:
        """Asks a worker to leave its job at a checkpoint."""

    @abstractmethod
    def _end(self, worker: W) -> None:
        """Ends a worker at once, whatever it does."""

    def _note_delay(self) -> None:
        """Says once that there is no worker yet: the cluster is busy, or has no machine that is large enough."""
        if self._began is None or any(worker.is_ready for worker in self._workers):
            self._began = None
        elif time.monotonic() > self._began + PATIENCE_S:
            self._began = None
            _log.info("No worker has started yet: %s.", self.delay)

    def _n_out(self) -> int:
        return len(self._waiting) + sum(worker.job is not None for worker in self._workers)

    def _hand_out(self) -> None:
        for worker in self._workers:
            if self._waiting and worker.is_ready and worker.job is None:
                worker.job, worker.began, worker.is_pausing = self._waiting.pop(0), time.monotonic(), False
                self._send(worker, worker.job)

    def _receive(self, worker: W, on_report: OnReport) -> Outcome | None:
        try:
            kind, payload = self._next_message(worker)
        except WorkerLost as lost:
            return self._lost(worker, str(lost))
        if kind == READY:
            worker.is_ready = True
            self._n_starts_lost = 0
            self._hand_out()
            return None
        assert worker.job is not None
        key = worker.job.key
        if kind == REPORT:
            began = time.monotonic()
            decision = on_report(key, payload)  # type: ignore[arg-type]  # what goes with a REPORT
            self._excuse(began)
            worker.is_pausing = decision is Decision.PAUSE
            self._send(worker, decision)
            return None
        worker.job = None
        assert isinstance(payload, TrialResult)
        if payload.paused and not (worker.is_pausing or self._is_pausing):  # somebody else asked this worker to go
            self._replace(worker)
        self._hand_out()
        return Outcome(key, payload)

    def _lost(self, worker: W, detail: str) -> Outcome | None:
        """Replaces a dead worker; returns its job's outcome if it had one."""
        if not worker.is_ready and not self._is_pausing:  # no trial had begun: not its fault
            self._n_starts_lost += 1
            if self._n_starts_lost >= MAX_STARTS_LOST:
                raise NoWorkers(
                    f"{detail} before its first trial, {MAX_STARTS_LOST} times in a row; mend the cause, and the same "
                    "command goes on."
                )
        job = worker.job
        self._replace(worker)
        return Outcome(job.key, None, lost=detail) if job is not None else None

    def _excuse(self, since: float) -> None:
        """Leaves out of the trials' time limits what the driver took for itself: they may have waited for it."""
        now = time.monotonic()
        if now - since > LONG_S:
            for worker in self._workers:
                worker.began = min(now, worker.began + now - since)

    def _expired(self) -> list[Outcome]:
        """Ends the workers whose job is past its time limit; returns those jobs' outcomes."""
        now = time.monotonic()
        outcomes = []
        for worker in list(self._workers):
            if worker.job is not None and worker.deadline is not None and worker.deadline <= now:
                outcomes.append(Outcome(worker.job.key, timed_out(worker.job)))
                self._replace(worker)
        return outcomes

    def _replace(self, worker: W) -> None:
        """Ends a worker and starts another in its place, unless there is no more to do."""
        self._end(worker)
        index = self._workers.index(worker)
        self._workers[index : index + 1] = [] if self._is_pausing else [self._start(worker.slot)]
