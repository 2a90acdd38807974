"""The worker's side of `executor=slurm`: a job of Slurm that connects to the driver and runs many trials.

Submitting jobs and listening to them is `slurm`'s business.
"""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable
from multiprocessing import connection
from typing import Any

from hpo.executors.worker import Pause, obey_signals, work
from hpo.machine.cores import THREAD_VARIABLES

PAUSE = "pause"  # instead of a job or a decision
KEEPALIVE_S = 30  # a machine that vanished without a word is noticed within this


def work_for(address: tuple[str, int], key: bytes, number: int, threads: int, preload: Callable[[], None]) -> None:
    """Runs jobs until the driver at `address` is gone: the life of a Slurm job.

    Args:
        address: Host and port of the driver.
        key: Proves to each side that the other one belongs to the study.
        number: Which of the driver's workers this is.
        threads: What a job may use.
        preload: Called before the first job arrives, to import what trainings need.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))  # read by torch when it is imported
    pause = obey_signals()
    pipe = connection.Client(address, authkey=key)
    keep_alive(pipe.fileno())
    pipe.send(number)
    work(_Listening(pipe, pause), pause, slot=0, preload=preload)


def keep_alive(descriptor: int) -> None:
    """Lets a TCP connection break when the other machine is gone."""
    with socket.socket(fileno=os.dup(descriptor)) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for name, value in (
            ("TCP_KEEPIDLE", KEEPALIVE_S // 2),
            ("TCP_KEEPINTVL", KEEPALIVE_S // 6),
            ("TCP_KEEPCNT", 3),
            ("TCP_USER_TIMEOUT", KEEPALIVE_S * 1000),
        ):
            if hasattr(socket, name):
                held.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class _Listening:
    """The connection to the driver, listened to all the time: the wish to pause, and its end, come in mid-training."""

    def __init__(self, pipe: connection.Connection[Any, Any], pause: Pause) -> None:
        self._pipe = pipe
        self._pause = pause
        self._messages: queue.SimpleQueue[object] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: tuple[str, object], /) -> None:
        self._pipe.send(message)

    def recv(self) -> Any:
        return self._messages.get()

    def _listen(self) -> None:
        try:
            while True:
                message = self._pipe.recv()
                if message == PAUSE:
                    self._pause.ask()
                else:
                    self._messages.put(message)
        finally:  # no driver, no worker: an orphan would write checkpoints
            os._exit(0)
