"""The executor that simulates workers and time: everything happens in the order in which it would have happened.

For trainers that compute their curves instead of training; the seconds they report pass in no time.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from tempfile import TemporaryDirectory

from hpo.contracts.executor import Job, OnReport, Outcome, Task
from hpo.contracts.records import UNREPORTED_S
from hpo.contracts.trainer import Decision, EpochReport, OnEpoch, TrialRequest, TrialResult
from hpo.executors.worker import run_job, timed_out

MANY = 10_000  # simulated workers cost nothing


@dataclass(frozen=True)
class _Event:
    """A report of a job, or its end, at a simulated time in microseconds: whole, so that no sum is rounded."""

    at_us: int
    n_epochs: int  # reported by then
    report: EpochReport | None = None
    is_late: bool = False  # the time limit was reached


class SimulatedExecutor:
    """Holds up to `n_workers` jobs, each on a worker of its own, and a clock that begins at 0.

    A job begins when it is submitted; its reports come as many seconds later as they say, those of all
    jobs in the order of their times (of study and number at the same time), and the clock stands at the
    last one. What a job would report is found out beforehand by running it undisturbed in a folder of
    its own; when it ends, it is run as it was decided: trainers repeat themselves exactly.
    """

    def __init__(self, *, n_workers: int = MANY) -> None:
        self.n_workers = n_workers
        self._now_us = 0
        self._heap: list[tuple[int, str, int, int, _Event, Job, Iterator[_Event]]] = []
        self._order = count()

    def submit(self, job: Job) -> None:
        if len(self._heap) >= self.n_workers:
            raise RuntimeError(f"the simulated executor holds {self.n_workers} jobs at a time")
        self._schedule(job, iter(self._foresee(job)))

    def wait(self, on_report: OnReport, *, timeout_s: float) -> Sequence[Outcome]:
        deadline = time.monotonic() + timeout_s
        while self._heap and time.monotonic() < deadline:
            self._now_us, *_, event, job, events = heapq.heappop(self._heap)
            decision = Decision.CONTINUE if event.report is None else on_report(job.key, event.report)
            if decision is not Decision.CONTINUE or event.report is None:
                return [_end(job, event, decision)]
            self._schedule(job, events)
        return []

    def pause(self) -> int:
        self._heap.clear()  # they begin again in no time
        return 0

    def now_ms(self) -> int:
        return self._now_us // 1000

    def close(self) -> None:
        self._heap.clear()

    def _schedule(self, job: Job, events: Iterator[_Event]) -> None:
        """Puts the next event of a job among those of the others."""
        event = next(events)
        heapq.heappush(self._heap, (event.at_us, job.study, job.request.number, next(self._order), event, job, events))

    def _foresee(self, job: Job) -> list[_Event]:
        """Returns what happens to `job` if nobody stops it, in the order of time; the last event is its end."""
        if job.task is Task.TEST:
            return [_Event(self._now_us, n_epochs=0)]
        reports: list[EpochReport] = []

        def listen(report: EpochReport) -> Decision:
            reports.append(report)
            return Decision.CONTINUE

        with _folder_aside(job) as folder:
            result = run_job(_in_simulated_time(replace(job, request=replace(job.request, folder=folder))), listen)
        return _until_late(_events(self._now_us, job, reports, result), self._now_us, job.timeout_s)


def _trial(job: Job) -> TrialRequest:
    """Returns the trial that a job is for; no trainer that is simulated starts from encoders."""
    if not isinstance(job.request, TrialRequest):
        raise TypeError("no encoder is trained in simulated time")
    return job.request


@contextmanager
def _folder_aside(job: Job) -> Iterator[str]:
    """Gives a folder that is not the trial's; none to a replay, which writes nothing."""
    if _trial(job).trainer.is_recorded:
        yield ""
        return
    with TemporaryDirectory(prefix="hpo-simulated-") as folder:
        yield folder


def _events(now_us: int, job: Job, reports: Sequence[EpochReport], result: TrialResult) -> list[_Event]:
    events: list[_Event] = []
    for report in reports:
        seconds = _trial(job).trainer.seconds(report.metrics.get("seconds", 0.0))
        now_us += round(seconds * 1e6) if report.epoch > job.n_done else 0
        events.append(_Event(now_us, report.epoch, EpochReport(report.epoch, {**report.metrics, "seconds": seconds})))
    now_us += round(float(result.facts.get(UNREPORTED_S, 0.0)) * 1e6)
    return [*events, _Event(now_us, len(events))]


def _until_late(events: list[_Event], began_us: int, timeout_s: float | None) -> list[_Event]:
    """Returns the events up to the time limit, which ends the job if it is still there."""
    limit_us = began_us + round(timeout_s * 1e6) if timeout_s is not None else events[-1].at_us
    if events[-1].at_us <= limit_us:
        return events
    in_time = [event for event in events if event.at_us <= limit_us]
    return [*in_time, _Event(limit_us, len(in_time), is_late=True)]


def _in_simulated_time(job: Job) -> Job:
    """Returns `job` with a trainer that does not wait."""
    return replace(job, request=replace(_trial(job), trainer=_trial(job).trainer.without_waiting()))


def _end(job: Job, event: _Event, decision: Decision) -> Outcome:
    """Returns how `job` ended with `event`, having run it as it was decided."""
    decision = Decision.STOP if event.is_late else decision
    last = None if decision is Decision.CONTINUE else event.n_epochs
    result = run_job(_in_simulated_time(job), _answering(decision, last)) if last != 0 else TrialResult(0)
    if event.is_late:
        result = timed_out(job, event.n_epochs, result.facts)
    return Outcome(job.key, result)


def _answering(decision: Decision, epoch: int | None) -> OnEpoch:
    """Returns what answers with `decision` after `epoch`."""
    return lambda report: decision if report.epoch == epoch else Decision.CONTINUE
