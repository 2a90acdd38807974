"""Several drivers over one executor: no worker is idle while any study has a trial to run.

The study that has spent least of its budget goes first, so that all advance side by side; where seeds take turns, among
those of the earliest seed that has a trial to run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from hpo.contracts.executor import GRACE_S, WAIT_S, Executor, Job, JobKey
from hpo.contracts.trainer import Decision, EpochReport
from hpo.machine.signals import StopRequest
from hpo.study.driver import Driver

Successor = Callable[[Driver], Driver | None]
"""Returns the driver that goes on where another is done, if anything is left to do."""


class Loop:
    """Runs the jobs of all drivers until each of them, and whatever follows it, is done.

    Attributes:
        drivers: All drivers there have been, by the name of their study.

    Args:
        turns: Seeds in the order in which their studies get workers; () for all alike.
    """

    def __init__(
        self,
        drivers: Sequence[Driver],
        executor: Executor,
        *,
        stop: StopRequest,
        successor: Successor = lambda _: None,
        note: Callable[[str], None] = lambda _: None,
        turns: Sequence[int] = (),
    ) -> None:
        self.drivers = {driver.study.name: driver for driver in drivers}
        self._active = list(drivers)
        self._executor = executor
        self._stop = stop
        self._successor = successor
        self._note = note
        self._turns = {seed: turn for turn, seed in enumerate(turns)}
        self._out: set[JobKey] = set()
        self._next: Job | None = None  # waits until it can run alone
        self._is_alone = False  # what runs, runs alone

    def run(self) -> bool:
        """Returns whether everything was done; False if a signal or an obstacle came before."""
        try:
            for driver in list(self._active):
                driver.open()
            self._retire(self._active)
            while not self._stop.is_set:
                self._fill()
                if not self._out:
                    return self._check_done()
                self._wait()
            self._drain()
        finally:
            for driver in self._active:
                driver.close()
        return False

    def _wait(self) -> int:
        """Returns how many of the jobs that are out ended; what comes late of one given up is not among them."""
        n_out = len(self._out)
        for outcome in self._executor.wait(self._on_report, timeout_s=WAIT_S):
            self._out.discard(outcome.key)
            driver = self.drivers[outcome.key.study]
            driver.on_end(outcome)
            if not self._stop.is_set:
                self._retire([driver])
        return n_out - len(self._out)

    def _drain(self) -> None:
        """Lets the running trials leave a checkpoint, for as long as a machine that goes away may leave them."""
        n_left = self._executor.pause()
        if n_left:
            self._note("Stopping: running trials leave a checkpoint after their batch; a second signal stops at once.")
        deadline = time.monotonic() + GRACE_S
        while n_left > 0 and time.monotonic() < deadline:
            n_left -= self._wait()

    def _fill(self) -> None:
        """Hands out jobs until every worker has one or no study has more."""
        while len(self._out) < self._executor.n_workers and not self._stop.is_set:
            if self._out and (self._is_alone or self._next):
                return
            job, self._next = self._next or self._next_job(), None
            if job is None:
                return
            if job.is_alone and self._out:
                self._next = job
                return
            self._is_alone = job.is_alone
            self._out.add(job.key)
            self._executor.submit(job)

    def _next_job(self) -> Job | None:
        """Returns the next job; trials that equal ones have been through may end drivers on the way."""
        while True:
            asked = sorted(self._active, key=lambda driver: (self._turn(driver), driver.spent_share))
            jobs = (driver.next_job() for driver in asked)
            job = next((job for job in jobs if job is not None), None)
            if job is not None or not self._retire(asked):
                return job

    def _turn(self, driver: Driver) -> int:
        return self._turns[int(driver.study.tags["seed"])] if self._turns else 0

    def _retire(self, drivers: Sequence[Driver]) -> bool:
        """Closes those of `drivers` that are done and opens what follows them; returns whether there were any."""
        done = [driver for driver in drivers if driver in self._active and driver.is_done]
        for driver in done:
            driver.close()
            self._active.remove(driver)
            successor = self._successor(driver)
            if successor is not None:
                self.drivers[successor.study.name] = successor
                self._active.append(successor)
                successor.open()
                self._retire([successor])
        return bool(done)

    def _check_done(self) -> bool:
        """Returns whether nothing is left to do.

        Raises:
            RuntimeError: if something is, but no study has a job for an idle executor.
        """
        if self._active and not self._stop.is_set:
            names = ", ".join(driver.study.name for driver in self._active)
            raise RuntimeError(f"no job is left, but these studies are not done: {names}")
        return not self._active

    def _on_report(self, key: JobKey, report: EpochReport) -> Decision:
        return self.drivers[key.study].on_report(key, report)
