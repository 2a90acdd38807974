"""The executor that runs one job after another in the driver's own process.

For debugging and for tests; a job that dies takes the driver with it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from hpo.contracts.executor import Job, OnReport, Outcome, wall_clock_ms
from hpo.contracts.trainer import Decision, EpochReport, TrialResult
from hpo.executors.worker import run_job, timed_out
from hpo.machine.signals import MustPause, never


class InlineExecutor:
    """Holds at most one job, which runs inside `wait`."""

    def __init__(self, must_pause: MustPause = never) -> None:
        self.n_workers = 1
        self._must_pause = must_pause
        self._job: Job | None = None

    def submit(self, job: Job) -> None:
        if self._job is not None:
            raise RuntimeError("the inline executor holds one job at a time")
        self._job = job

    def wait(self, on_report: OnReport, *, timeout_s: float) -> Sequence[Outcome]:
        if self._job is None:
            return []
        job, self._job = self._job, None
        return [Outcome(job.key, _run(job, on_report, self._must_pause))]

    def pause(self) -> int:
        self._job = None
        return 0

    def now_ms(self) -> int:
        return wall_clock_ms()

    def close(self) -> None:
        self._job = None


class _DriverError(BaseException):
    """Carries the driver's own error past the trainer, which would take it for the trial's."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _run(job: Job, on_report: OnReport, must_pause: MustPause) -> TrialResult:
    """Runs `job`; its time limit can only be seen between epochs, and counts no time that the driver took."""
    deadline = time.monotonic() + job.timeout_s if job.timeout_s is not None else None
    is_late, waited_s = False, 0.0

    def on_epoch(report: EpochReport) -> Decision:
        nonlocal is_late, waited_s
        began = time.monotonic()
        try:
            decision = on_report(job.key, report)
        except Exception as error:
            raise _DriverError(error) from error
        waited_s += time.monotonic() - began
        is_late = deadline is not None and time.monotonic() - waited_s > deadline
        return Decision.STOP if is_late else decision

    try:
        result = run_job(job, on_epoch, must_pause=must_pause)
    except _DriverError as wrapped:
        raise wrapped.error from None
    return timed_out(job, result.n_epochs, result.facts) if is_late else result
