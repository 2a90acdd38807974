"""The executor whose workers are actors of a Ray cluster: of this machine, or of many.

An actor lives for many trials. Its reports are a stream of Ray objects, so that the driver sleeps until there is one;
an actor that dies, alone or with its node, ends its stream with an error. Ray restarts nothing by itself: whether a
trial is tried again is the driver's to decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
import ray.exceptions

from hpo.contracts.executor import Job
from hpo.contracts.trainer import Decision
from hpo.executors.pool import PooledExecutor, PooledWorker, WorkerLost
from hpo.executors.ray_cluster import nodes
from hpo.executors.ray_worker import TrialActor, pack
from hpo.executors.worker import READY


@dataclass(eq=False)
class _Actor(PooledWorker):
    """A worker in an actor: `ready` until it answers, `stream` while it is at a job."""

    handle: Any = field(kw_only=True)  # ray's handles are untyped
    ready: Any = field(kw_only=True)
    stream: Any = None
    pid: int | None = None

    @property
    def source(self) -> Any:
        """What its next message comes from; None while it is idle."""
        return self.stream if self.is_ready else self.ready


class RayExecutor(PooledExecutor[_Actor]):
    """Runs up to `n_workers` jobs at once, each in an actor with its share of a node.

    Args:
        cluster: The connection to where actors live; closed with the executor.
        n_workers: Actors.
        threads: What a trial of one may use.
        n_cpus, n_gpus: What one of them holds.
        preload: What workers call before the first job arrives, to import what trainings need.
    """

    def __init__(
        self,
        cluster: ExitStack,
        *,
        n_workers: int,
        threads: int,
        n_cpus: float,
        n_gpus: float,
        preload: Callable[[], None],
    ) -> None:
        super().__init__(n_workers=n_workers)
        self._cluster = cluster
        self._parcels: dict[str, Any] = {}  # by the folder of a corpus or an encoder
        self._threads, self._preload = threads, preload
        options: dict[str, Any] = {
            "num_cpus": n_cpus,
            "num_gpus": n_gpus,
            "max_restarts": 0,
            "concurrency_groups": {"control": 1},
        }
        self._class: Any = ray.remote(**options)(TrialActor)

    def close(self) -> None:
        super().close()
        self._cluster.close()

    def _start(self, slot: int) -> _Actor:
        handle: Any = self._class.remote(self._threads, self._preload)
        return _Actor(slot, handle=handle, ready=handle.describe.remote())

    def _heard(self, timeout_s: float) -> Sequence[_Actor]:
        sources = [worker.source for worker in self._workers if worker.source is not None]
        if not sources:
            time.sleep(timeout_s)
            return []
        if not ray.wait(sources, num_returns=1, timeout=timeout_s, fetch_local=False)[0]:
            return []
        heard, _ = ray.wait(sources, num_returns=len(sources), timeout=0, fetch_local=False)  # none is passed over
        return [worker for worker in self._workers if any(worker.source is each for each in heard)]

    def _next_message(self, worker: _Actor) -> tuple[str, object]:
        try:
            if not worker.is_ready:
                worker.pid = ray.get(worker.ready)
                return READY, None
            kind, payload = ray.get(next(worker.stream))
        except (ray.exceptions.RayError, StopIteration) as error:
            name = "a worker of Ray" if worker.pid is None else f"Ray's worker process {worker.pid}"
            raise WorkerLost(f"{name} ended: {_cause(error)}") from None
        return kind, payload

    def _send(self, worker: _Actor, message: Job | Decision) -> None:
        if isinstance(message, Job):
            parcels = self._parcels_of(message)
            worker.stream = worker.handle.run.options(num_returns="streaming").remote(message, parcels)
        else:
            worker.handle.answer.options(concurrency_group="control").remote(message)

    def _parcels_of(self, job: Job) -> list[Any]:
        """Returns references to the files of what a job reads, which are put into the store once; none for one node."""
        folders = job.request.prepared if len(nodes()) >= 2 else []
        for folder in folders:
            if folder not in self._parcels:
                self._parcels[folder] = ray.put(pack(Path(folder)))
        return [self._parcels[folder] for folder in folders]

    def _ask_to_pause(self, worker: _Actor) -> None:
        worker.handle.pause.options(concurrency_group="control").remote()

    def _end(self, worker: _Actor) -> None:
        ray.kill(worker.handle)


def _cause(error: BaseException) -> str:
    """Returns the sentence in which Ray says why an actor died, without its advice."""
    if isinstance(error, ray.exceptions.ActorUnavailableError):
        return "it cannot be reached"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in reversed(lines) if line.startswith("The actor")), lines[0] if lines else "unknown")
    return told.partition(" Some common causes")[0].partition(" Worker exit type:")[0][:300].rstrip(". ")
