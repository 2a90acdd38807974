"""Several drivers over one executor: no worker is idle while any study has a trial to run.

The study that has spent least of its budget goes first, so that all advance side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hpo.executor import Executor, Job, JobKey
from hpo.stop import Interrupted, StopRequest
from hpo.study import Driver
from hpo.trainer import Decision, EpochReport

WAIT_S = 0.5  # how long a signal may go unnoticed

Successor = Callable[[Driver], Driver | None]
"""Returns the driver that goes on where another is done, if anything is left to do."""


class Fleet:
    """Runs the jobs of all drivers until each of them, and whatever follows it, is done.

    Attributes:
        drivers: All drivers there have been, by the name of their study.
    """

    def __init__(
        self, drivers: Sequence[Driver], executor: Executor, *, stop: StopRequest, successor: Successor = lambda _: None
    ) -> None:
        self.drivers = {driver.study.name: driver for driver in drivers}
        self._active = list(drivers)
        self._executor = executor
        self._stop = stop
        self._successor = successor
        self._n_out = 0

    def run(self) -> bool:
        """Returns whether everything was done; False if a signal came before."""
        try:
            for driver in self._active:
                driver.open()
            while not self._stop.is_set:
                self._fill()
                if not self._n_out:
                    return True
                for outcome in self._executor.wait(self._on_report, timeout_s=WAIT_S):
                    self._n_out -= 1
                    self.drivers[outcome.key.study].on_end(outcome)
        except Interrupted:
            pass
        finally:
            for driver in self._active:
                driver.close()
        return False

    def _fill(self) -> None:
        """Hands out jobs until every worker has one or no study has more."""
        while self._n_out < self._executor.n_workers and not self._stop.is_set:
            job = self._next_job()
            if job is None:
                return
            self._n_out += 1
            self._executor.submit(job)

    def _next_job(self) -> Job | None:
        """Returns the next job; drivers that are done make room for their successors."""
        for driver in sorted(self._active, key=lambda driver: driver.spent_share):
            job = driver.next_job()
            if job is not None:
                return job
            if driver.is_done:
                self._succeed(driver)
                return self._next_job()
        return None

    def _succeed(self, driver: Driver) -> None:
        driver.close()
        self._active.remove(driver)
        successor = self._successor(driver)
        if successor is not None:
            self.drivers[successor.study.name] = successor
            self._active.append(successor)
            successor.open()

    def _on_report(self, key: JobKey, report: EpochReport) -> Decision:
        return self.drivers[key.study].on_report(key, report)
