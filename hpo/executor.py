"""The contract between the driver and whatever executes trials: jobs in, outcomes out.

No executor lives here; an executor knows nothing of Optuna, MLflow or the record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from hpo.trainer import Decision, EpochReport, TrialRequest, TrialResult


class Task(Enum):
    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True)
class Job:
    """One thing to do with one trial; `timeout_s` counts from when a worker begins it."""

    task: Task
    request: TrialRequest
    timeout_s: float | None = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended: with a result, or lost with its worker.

    Attributes:
        number, attempt: Which job.
        result: None when the worker died.
        lost: What is known of the worker's death; empty when there is a result.
    """

    number: int
    attempt: int
    result: TrialResult | None
    lost: str = ""


OnReport = Callable[[int, int, EpochReport], Decision]
"""Called with (trial number, attempt, report); its answer goes back to the trial."""


class Executor(Protocol):
    """Runs up to `n_workers` jobs at once.

    The sequence of calls: `submit` while fewer than `n_workers` jobs are out, `wait` until one
    ends, and so on; `close` at the end, whatever is running.
    """

    n_workers: int

    def submit(self, job: Job) -> None: ...

    def wait(self, on_report: OnReport, *, timeout_s: float) -> Sequence[Outcome]:
        """Returns the jobs that ended, or nothing after `timeout_s`; answers reports meanwhile."""
        ...

    def close(self) -> None:
        """Ends the workers; jobs still out are dropped, their checkpoints stay."""
        ...
