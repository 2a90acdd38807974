"""Runs one job at a time: plain data in, one message per epoch, a result out.

A worker opens no database, sees no password and imports neither optuna nor mlflow.
"""

from __future__ import annotations

import os
import signal
import socket
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing import connection, current_process, set_start_method
from pathlib import Path
from typing import Any, Protocol

from hpo.artifacts.remote import Scratch
from hpo.contracts.executor import Job, Task
from hpo.contracts.trainer import (
    Decision,
    EncoderRequest,
    EpochReport,
    OnEpoch,
    Reason,
    Request,
    Trainer,
    TrialResult,
)
from hpo.machine.files import lack_of_room
from hpo.machine.remote import RemoteAway
from hpo.machine.secrets import forget_credentials
from hpo.machine.signals import SIGNALS, MustPause, die_with_parent, never

READY, REPORT, RESULT = "ready", "report", "result"


def run_job(job: Job, on_epoch: OnEpoch, *, slot: int = 0, must_pause: MustPause = never) -> TrialResult:
    """Returns how `job` ended; an exception of the trainer becomes a failed result.

    Args:
        job: What to do.
        on_epoch: Told of every epoch of a training.
        slot: The worker's place in its pool, which chooses its GPU when the device is "auto".
        must_pause: Asked by a training whether it is to leave a checkpoint and return.
    """
    if not job.request.remote:
        return _run(job, on_epoch, slot, must_pause)
    try:
        with Scratch(job, must_pause) as scratch:
            scratch.fetch()
            result = _run(scratch.job, scratch.keeping(on_epoch), slot, must_pause)
            if result.reason is None and not result.obstacle:
                scratch.keep()
            return result
    except (RemoteAway, OSError) as error:
        return _ended_by(error)


def _run(job: Job, on_epoch: OnEpoch, slot: int, must_pause: MustPause) -> TrialResult:
    if not Path(job.request.folder).is_dir():
        return TrialResult(n_epochs=0, paused=True, obstacle=_unshared(job.request.folder))
    try:
        request = replace(job.request, device=_device(job.request, slot))
        if isinstance(request, EncoderRequest):
            from hpo.trainers.awd_lstm.language_model import train_encoder

            return train_encoder(request, on_epoch, must_pause)
        trainer: Trainer = request.trainer.build()
        if job.task is Task.TEST:
            return TrialResult(n_epochs=0, test=trainer.test(request))
        return trainer.train(request, on_epoch, must_pause)
    except Exception as error:
        return _ended_by(error)


def timed_out(job: Job, n_epochs: int = 0, facts: Mapping[str, str] | None = None) -> TrialResult:
    """Returns how a job ended whose time limit was reached."""
    error = f"took longer than trial.timeout_s={job.timeout_s:g}"
    return TrialResult(n_epochs, reason=Reason.TIMEOUT, error=error, facts=facts or {})


def _ended_by(error: Exception) -> TrialResult:
    """Returns what becomes of a job: it waits where a disk is full or a store away, and fails otherwise."""
    if obstacle := str(error) if isinstance(error, RemoteAway) else lack_of_room(error):
        return TrialResult(n_epochs=0, paused=True, obstacle=obstacle)
    return TrialResult(n_epochs=0, reason=Reason.ERROR, error="".join(traceback.format_exception(error)))


def serve(pipe: connection.Connection, slot: int, preload: Callable[[], None]) -> None:
    """Runs jobs from `pipe` until it closes, or until the job after a SIGTERM: the life of a worker process.

    Args:
        pipe: Receives jobs and decisions, sends (kind, payload) messages.
        slot: The worker's place in its pool.
        preload: Called before the first job arrives, to import what trainings need.
    """
    pause = obey_signals()
    die_with_parent()  # no orphan writes a checkpoint
    _allow_processes()
    work(pipe, pause, slot=slot, preload=preload)


def _allow_processes() -> None:
    """Lets trainings start processes of their own, as data loaders do, in the way in which any script would."""
    current_process().daemon = False
    set_start_method(None, force=True)  # of a spawned process it would be spawn
    os.register_at_fork(after_in_child=_forget_signals)


def _forget_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def work(line: Line, pause: Pause, *, slot: int, preload: Callable[[], None]) -> None:
    """Runs jobs from `line` until it closes, or until the job that was asked to pause."""

    def on_epoch(report: EpochReport) -> Decision:
        line.send((REPORT, report))
        decision: Decision = line.recv()
        return decision

    forget_credentials()
    preload()
    try:
        line.send((READY, None))
        while True:
            job: Job = line.recv()
            line.send((RESULT, run_job(job, on_epoch, slot=slot, must_pause=lambda: pause.is_asked)))
            if pause.is_asked:
                return
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class Line(Protocol):
    """What a worker talks to its driver through."""

    def send(self, message: tuple[str, object], /) -> None: ...

    def recv(self) -> Any:
        """Waits for a job, or for the decision on the report sent last."""
        ...


class Pause:
    """Whether this worker was asked to leave its job at a checkpoint."""

    def __init__(self) -> None:
        self.is_asked = False

    def ask(self) -> None:
        self.is_asked = True


def obey_signals() -> Pause:
    """Returns what a signal to this process sets from now on, of whatever may ask a worker alone to go."""
    pause = Pause()
    for number in SIGNALS:
        # Ctrl-C and a lost terminal reach the whole group; the driver decides
        is_everybodys = number in (signal.SIGINT, signal.SIGHUP)
        signal.signal(number, signal.SIG_IGN if is_everybodys else lambda _number, _frame: pause.ask())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # held back since before this process began
    return pause


def _unshared(folder: str) -> str:
    return (
        f"The trial's folder {folder} is not on {socket.gethostname()}: give storage.folder=FOLDER in a file "
        "system that all machines with workers share, or a URL, as s3://BUCKET/studies, and the same command goes on."
    )


def _device(request: Request, slot: int) -> str:
    if request.device != "auto":
        return request.device
    if not request.needs_torch:
        return "cpu"
    import torch

    return f"cuda:{slot % torch.cuda.device_count()}" if torch.cuda.is_available() else "cpu"
