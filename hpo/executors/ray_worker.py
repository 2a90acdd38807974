"""The worker's side of `executor=ray`: an actor that lives for many trials.

Whoever starts actors and listens to them is `ray`.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hpo.contracts.executor import Job
from hpo.contracts.trainer import Decision, EpochReport
from hpo.executors.worker import REPORT, RESULT, run_job
from hpo.machine.cache import Cache
from hpo.machine.cores import THREAD_VARIABLES
from hpo.machine.secrets import forget_credentials


class TrialActor:
    """Runs one job at a time in a thread, so that the answers to its reports and the wish to pause can come in.

    Args:
        threads: What a job may use.
        preload: Called before the first job arrives, to import what trainings need.
    """

    def __init__(self, threads: int, preload: Callable[[], None]) -> None:
        forget_credentials()
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))  # read by torch when it is imported
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Decision] = queue.SimpleQueue()
        self._messages: queue.SimpleQueue[tuple[str, object]] = queue.SimpleQueue()
        self._must_pause = threading.Event()
        preload()
        threading.Thread(target=self._work, daemon=True).start()

    def describe(self) -> int:
        """Returns the process this actor lives in; it answers once it is ready."""
        return os.getpid()

    def run(self, job: Job, parcels: Sequence[Any]) -> Iterator[tuple[str, object]]:
        """Yields a REPORT of each epoch, whose answer the trial waits for, and then the RESULT.

        Args:
            job: What to do.
            parcels: References to the files of what it reads, for a node that does not have them; may be empty.
        """
        for folder, parcel in zip(job.request.prepared if parcels else [], parcels, strict=True):
            _unpack(Path(folder), parcel)
        self._jobs.put(job)
        kind = REPORT
        while kind != RESULT:
            kind, payload = self._messages.get()
            yield kind, payload

    def answer(self, decision: Decision) -> None:
        """Answers the report that `run` yielded last."""
        self._answers.put(decision)

    def pause(self) -> None:
        """Lets the job leave a checkpoint and end."""
        self._must_pause.set()

    def _work(self) -> None:
        """Runs the jobs, all in one thread: torch keeps some of its settings by thread."""
        try:
            while True:
                job = self._jobs.get()
                result = run_job(job, self._report, must_pause=self._must_pause.is_set)
                self._messages.put((RESULT, result))
        finally:  # what no trial may catch ends the worker, as it would end a process
            os._exit(1)

    def _report(self, report: EpochReport) -> Decision:
        self._messages.put((REPORT, report))
        return self._answers.get()


def pack(folder: Path) -> dict[str, bytes]:
    """Returns the files of a prepared folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def _unpack(prepared: Path, parcel: Any) -> None:
    """Puts a prepared folder where it is on the driver's machine, unless this node has it or shares that folder."""
    if prepared.is_dir():
        return
    import ray

    files: dict[str, bytes] = ray.get(parcel)

    def write(folder: Path) -> None:
        for name, content in files.items():
            (folder / name).write_bytes(content)

    Cache(str(prepared.parent)).make(prepared.name, write)
