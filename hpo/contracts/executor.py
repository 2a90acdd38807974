"""The contract between the driver and whatever executes trials: jobs in, outcomes out.

No executor lives here; an executor knows nothing of Optuna, MLflow or the record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from hpo.contracts.trainer import Decision, EncoderRequest, EpochReport, TrialRequest, TrialResult

WAIT_S = 0.5  # how long a signal may go unnoticed
GRACE_S = 20.0  # what trials get to finish a batch and leave a checkpoint; Slurm and spot machines kill after 30 s


def wall_clock_ms() -> int:
    """Returns milliseconds since 1970, UTC, as if nobody had set the clock since this process began."""
    return _BEGAN_MS + time.clock_gettime_ns(_STEADY) // 1_000_000


_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the former goes on while a laptop sleeps
_BEGAN_MS = (time.time_ns() - time.clock_gettime_ns(_STEADY)) // 1_000_000


class Task(Enum):
    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True)
class JobKey:
    """Which attempt at which trial of which study: what reports and outcomes are fenced by."""

    study: str
    number: int
    attempt: int


@dataclass(frozen=True)
class Job:
    """One thing to do with one trial, or an encoder to train.

    Attributes:
        task, study, request: What to do.
        timeout_s: Counts from when a worker begins it.
        is_alone: Whether no other job may run beside it: it lacked memory once.
        n_done: Epochs that the trial had done when it was paused, and that are not done again.
    """

    task: Task
    study: str
    request: TrialRequest | EncoderRequest
    timeout_s: float | None = None
    is_alone: bool = False
    n_done: int = 0

    @property
    def key(self) -> JobKey:
        return JobKey(self.study, self.request.number, self.request.attempt)


@dataclass(frozen=True)
class Outcome:
    """How a job ended: with a result, or lost with its worker.

    Attributes:
        key: Which job.
        result: None when the worker died.
        lost: What is known of the worker's death; empty when there is a result.
    """

    key: JobKey
    result: TrialResult | None
    lost: str = ""


class NoWorkers(Exception):
    """No worker gets as far as its first trial; the sentence says what is known of it."""


OnReport = Callable[[JobKey, EpochReport], Decision]
"""Called after every epoch of every job; its answer goes back to the trial."""


class Executor(Protocol):
    """Runs up to `n_workers` jobs at once.

    The sequence of calls: `submit` while fewer than `n_workers` jobs are out, `wait` until one
    ends, and so on; `pause` and `wait` if there is no time to wait for their ends; `close` at the end,
    whatever is running.
    """

    n_workers: int

    def submit(self, job: Job) -> None: ...

    def wait(self, on_report: OnReport, *, timeout_s: float) -> Sequence[Outcome]:
        """Returns the jobs that ended, or nothing after `timeout_s`; answers reports meanwhile."""
        ...

    def pause(self) -> int:
        """Asks the jobs that run to pause, those that have not begun are dropped.

        Returns:
            How many jobs will still have an outcome.
        """
        ...

    def now_ms(self) -> int:
        """Returns the time on the clock its jobs run on: milliseconds since 1970 UTC, or since a simulation began."""
        ...

    def close(self) -> None:
        """Ends the workers; jobs still out are dropped, their checkpoints stay."""
        ...
