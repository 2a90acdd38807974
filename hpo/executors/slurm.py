"""The executor whose workers are jobs of Slurm, submitted by submitit; each runs many trials.

A job connects to the driver over TCP, as the processes of `processes` are connected by pipes, with the messages and the
waiting of Python's multiprocessing.connection: nothing is polled, and a job that dies ends its connection. Files in the
shared folder would have to be looked at again and again, and a network file system shows them late. Both sides prove
by a key that they belong together; the key is in the job's own script folder, which its user alone can read.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from multiprocessing import AuthenticationError, connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.config.limits import MISSING, count, setting
from hpo.config.registry import option
from hpo.config.schema import TrainerConfig
from hpo.contracts.executor import Executor, Job
from hpo.contracts.trainer import Decision
from hpo.executors.options import ClusterConfig
from hpo.executors.pool import PooledExecutor, PooledWorker, WorkerLost
from hpo.executors.slurm_worker import PAUSE, keep_alive, work_for
from hpo.machine.secrets import credentials_aside
from hpo.machine.signals import StopRequest, signals_held

if TYPE_CHECKING:
    import submitit

GREETING_S = 5  # what somebody who connects gets to prove that they belong here
CHECK_S = 30  # how often Slurm is asked whether jobs that have not connected are still there
NOTICE_S = 60  # before the time limit of a job, so that its trial leaves a checkpoint


class SlurmCluster(Enum):
    slurm = "slurm"
    local = "local"


@option("executor", "slurm")
@dataclass
class SlurmConfig(ClusterConfig):
    """Jobs of Slurm; `cluster: local` runs them as processes of this machine."""

    cluster: SlurmCluster = MISSING
    n_workers: int = count()
    address: str | None = None
    folder: str = MISSING
    minutes: int = count()
    gpus_per_worker: int = setting(low=0)
    mem_gb: float | None = setting(None, above=0)
    partition: str | None = None
    account: str | None = None
    options: dict[str, str] = field(default_factory=dict)

    package, requirement = "submitit", "submitit>=1.5.4,<2"

    def count_workers(self) -> int:
        return self.n_workers

    def build(self, trainer: TrainerConfig, stop: StopRequest | None = None) -> Executor:
        return SlurmExecutor(self, preload=trainer.preload)


@dataclass(eq=False)
class _SlurmJob(PooledWorker):
    """A worker in a job of Slurm: queued until it has a pipe."""

    number: int = field(kw_only=True)
    submitted: submitit.Job[None] = field(kw_only=True)
    pipe: connection.Connection[Any, Any] | None = None
    is_gone: bool = False


class SlurmExecutor(PooledExecutor[_SlurmJob]):
    """Runs up to `n_workers` jobs at once, each in a Slurm job of its own.

    Raises:
        ValueError: if there is no Slurm, or it does not take the settings.
    """

    def __init__(self, config: SlurmConfig, *, preload: Callable[[], None]) -> None:
        super().__init__(n_workers=config.n_workers)
        self._config = config
        self._preload = preload
        self._key = secrets.token_bytes(32)
        self._n_started = 0
        self._has_lost = False
        self._checked = time.monotonic()
        self._server = _listen(config)
        self._folder = Path(config.folder).absolute() / secrets.token_hex(4)
        self._folder.mkdir(parents=True, mode=0o700)
        try:
            self._submitter = _build_submitter(config, self._folder)
        except ValueError:
            self.close()
            raise

    def close(self) -> None:
        super().close()
        self._server.close()
        if not self._has_lost:  # else its logs may say why
            shutil.rmtree(self._folder, ignore_errors=True)
            with suppress(OSError):
                self._folder.parent.rmdir()

    def _start(self, slot: int) -> _SlurmJob:
        self._n_started += 1
        address, number = self._server.getsockname()[:2], self._n_started
        with signals_held(), credentials_aside():
            submitted = self._submitter.submit(
                work_for, address, self._key, number, self._config.threads, self._preload
            )
        return _SlurmJob(slot, number=number, submitted=submitted)

    def _heard(self, timeout_s: float) -> Sequence[_SlurmJob]:
        self._check_queued()
        if gone := [worker for worker in self._workers if worker.is_gone]:
            return gone
        pipes = [worker.pipe for worker in self._workers if worker.pipe is not None]
        ready = set(connection.wait([self._server, *pipes], timeout=timeout_s))
        if self._server in ready:
            self._greet()
        return [worker for worker in self._workers if worker.pipe in ready]

    def _next_message(self, worker: _SlurmJob) -> tuple[str, object]:
        try:
            if worker.pipe is None:
                raise EOFError
            kind, payload = worker.pipe.recv()
        except (EOFError, OSError):
            self._has_lost = True
            log = worker.submitted.paths.stderr
            raise WorkerLost(f"job {worker.submitted.job_id} of Slurm ended (its log is {log})") from None
        return kind, payload

    def _send(self, worker: _SlurmJob, message: Job | Decision | str) -> None:
        if worker.pipe is not None:
            with suppress(OSError):  # a dead worker is noticed by `_next_message`
                worker.pipe.send(message)

    def _ask_to_pause(self, worker: _SlurmJob) -> None:
        self._send(worker, PAUSE)

    def _end(self, worker: _SlurmJob) -> None:
        if worker.pipe is not None:
            worker.pipe.close()  # which ends it, whatever it does
        from submitit.local.local import LocalJob

        if isinstance(worker.submitted, LocalJob):
            process = worker.submitted._process
            assert process is not None
            process.kill()  # looks after the worker's process, which ends with its connection
            process.wait()
        else:
            worker.submitted.cancel(check=False)

    def _greet(self) -> None:
        """Takes the connection of a job that has begun; anybody else is sent away."""
        accepted, _ = self._server.accept()
        pipe: connection.Connection[Any, Any] = connection.Connection(accepted.detach())
        try:
            _set_patience(pipe, GREETING_S)
            connection.deliver_challenge(pipe, self._key)
            connection.answer_challenge(pipe, self._key)
            number = pipe.recv()
            _set_patience(pipe, 0)
            keep_alive(pipe.fileno())
        except (AuthenticationError, EOFError, OSError):
            pipe.close()
            return
        worker = next((worker for worker in self._workers if worker.number == number), None)
        if worker is None:  # replaced meanwhile
            pipe.close()
        else:
            worker.pipe = pipe

    def _check_queued(self) -> None:
        """Marks jobs that ended before they connected, as those that were cancelled in the queue."""
        check_s = 1 if self._config.cluster is SlurmCluster.local else CHECK_S
        if time.monotonic() - self._checked < check_s:
            return
        self._checked = time.monotonic()
        for worker in self._workers:
            worker.is_gone = worker.pipe is None and worker.submitted.done(force_check=True)


def _listen(config: SlurmConfig) -> socket.socket:
    """Returns the socket that jobs connect to, on any free port of the address they reach this machine under."""
    is_local = config.cluster is SlurmCluster.local
    host = config.address or ("127.0.0.1" if is_local else socket.gethostname())
    given = f"executor.address={host}" if config.address else f"This machine's name, {host},"
    advice = "give executor.address=NAME, under which the nodes reach this machine."
    try:
        server = socket.create_server((host, 0))
    except OSError as error:
        raise ValueError(f"{given} is no address of this machine ({error.strerror or error}); {advice}") from error
    number = server.getsockname()[0]
    if not is_local and number.startswith("127."):
        server.close()
        raise ValueError(f"{given} is {number}, which no other machine reaches; {advice}")
    return server


def _build_submitter(config: SlurmConfig, folder: Path) -> submitit.AutoExecutor:
    import submitit

    try:
        submitter = submitit.AutoExecutor(folder=folder, cluster=config.cluster.value)
        submitter.update_parameters(
            name="hpo",
            timeout_min=config.minutes,
            cpus_per_task=config.threads,
            gpus_per_node=config.gpus_per_worker,
            slurm_signal_delay_s=NOTICE_S,
            slurm_additional_parameters=dict(config.options),
            **{f"slurm_{name}": getattr(config, name) for name in ("partition", "account") if getattr(config, name)},
            **({"mem_gb": config.mem_gb} if config.mem_gb else {}),
        )
    except RuntimeError as error:
        raise ValueError(
            "executor.cluster=slurm finds no srun here; run this on a machine of the cluster, or give "
            "executor.cluster=local to try it out."
        ) from error
    return submitter


def _set_patience(pipe: connection.Connection[Any, Any], seconds: int) -> None:
    """Sets how long reading waits for more; 0: for ever."""
    with socket.socket(fileno=os.dup(pipe.fileno())) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, 0))
