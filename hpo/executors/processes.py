"""The executor that keeps a pool of processes on this machine: spawned once, running many jobs.

One pipe per process, so that one that dies takes nothing but its own job with it. Nothing is
decided here: reports go up, answers go down.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection, resource_tracker
from multiprocessing.context import SpawnProcess

from hpo.contracts.executor import Job
from hpo.contracts.trainer import Decision
from hpo.executors.pool import PooledExecutor, PooledWorker, WorkerLost
from hpo.executors.worker import serve
from hpo.machine.cores import THREAD_VARIABLES, VISIBLE, environment
from hpo.machine.modules import main_aside
from hpo.machine.signals import signals_held


@dataclass(eq=False)
class _Process(PooledWorker):
    """A worker in a process of its own."""

    process: SpawnProcess = field(kw_only=True)
    pipe: connection.Connection = field(kw_only=True)


class ProcessesExecutor(PooledExecutor[_Process]):
    """Runs up to `n_workers` jobs at once, each in a process with `threads` threads.

    Args:
        n_workers, threads: As many.
        preload: What workers call before the first job arrives, to import what trainings need.
        gpus: The GPUs, by the names CUDA_VISIBLE_DEVICES takes, that workers are spread over: each sees one of them.
            Without any, each sees all there are.
    """

    delay = "this machine takes its time to start them, and trials wait"

    def __init__(self, *, n_workers: int, threads: int, preload: Callable[[], None], gpus: Sequence[str] = ()) -> None:
        super().__init__(n_workers=n_workers)
        self._preload = preload
        self._gpus = gpus
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))  # read by torch when the child imports it

    def _start(self, slot: int) -> _Process:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, slot, self._preload), daemon=True, name=f"hpo-{slot}")
        resource_tracker.ensure_running()  # its own start lets signals through again
        with (
            main_aside(),
            signals_held(),
            environment({VISIBLE: self._gpus[slot % len(self._gpus)]} if self._gpus else {}),
        ):
            process.start()
        theirs.close()  # so that the worker's death is the pipe's end
        return _Process(slot, process=process, pipe=ours)

    def _heard(self, timeout_s: float) -> Sequence[_Process]:
        ready = set(connection.wait([worker.pipe for worker in self._workers], timeout=timeout_s))
        return [worker for worker in self._workers if worker.pipe in ready]

    def _next_message(self, worker: _Process) -> tuple[str, object]:
        try:
            kind, payload = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(timeout=10)
            code = worker.process.exitcode
            raise WorkerLost(f"worker process {worker.process.pid} ended with exit code {code}") from None
        return kind, payload

    def _send(self, worker: _Process, message: Job | Decision) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            worker.pipe.send(message)

    def _ask_to_pause(self, worker: _Process) -> None:
        if worker.process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(worker.process.pid, signal.SIGTERM)

    def _end(self, worker: _Process) -> None:
        worker.pipe.close()
        worker.process.kill()
        worker.process.join()
