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
            for driver in list(self._active):
                driver.open()
            self._retire(self._active)
            while not self._stop.is_set:
                self._fill()
                if not self._n_out:
                    return self._check_done()
                for outcome in self._executor.wait(self._on_report, timeout_s=WAIT_S):
                    self._n_out -= 1
                    driver = self.drivers[outcome.key.study]
                    driver.on_end(outcome)
                    self._retire([driver])
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
        """Returns the next job; trials that equal ones have been through may end drivers on the way."""
        while True:
            asked = sorted(self._active, key=lambda driver: driver.spent_share)
            jobs = (driver.next_job() for driver in asked)
            job = next((job for job in jobs if job is not None), None)
            if job is not None or not self._retire(asked):
                return job

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
