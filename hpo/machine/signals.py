"""What ends a process: signals, noted for whoever looks, at once the second time; and the end of its parent.

What is done about it is the business of `study.loop`.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from types import FrameType

MustPause = Callable[[], bool]

# Slurm warns by SIGUSR1 or SIGUSR2 if told so (--signal=USR1@90), and whoever ends spot machines by SIGTERM.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turns the first signal into a request to stop; a second one ends at once.

    Nothing is printed here: the signal may have come in the middle of a line. A SIGHUP that is ignored, as under
    nohup, stays so.
    """
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():  # signals are told to that one alone
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    if before[signal.SIGHUP] is signal.SIG_IGN:
        del before[signal.SIGHUP]

    def on_signal(number: int, _: FrameType | None) -> None:
        stop.signal = number
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def signals_held() -> Iterator[None]:
    """Holds these signals back from processes that are started inside, until they let them through themselves."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class StopRequest:
    """Set by a signal handler or by a driver that cannot go on; looked at between two steps.

    Attributes:
        signal: The signal that asked for it, if one did.
        obstacle: What has to be mended before the study can go on: a sentence, "" while there is nothing.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.obstacle = ""

    @property
    def is_set(self) -> bool:
        return self.signal is not None or bool(self.obstacle)


class Ending(Enum):
    """Why a driver stopped."""

    BUDGET = "the budget is reached"
    STOPPED = "study.stop is met"
    EXHAUSTED = "every configuration there is has its trial"
    INTERRUPTED = "interrupted"
    PAUSED = "paused"


def die_with_parent(*, with_group: bool = False) -> None:
    """Lets this process, which multiprocessing has started, end with the one that did: as an orphan it would go on.

    Args:
        with_group: Whether all of its process group ends, too, which it is the first of.
    """
    if (parent := parent_process()) is not None:
        threading.Thread(target=_follow, args=(parent, with_group), daemon=True).start()


def _follow(parent: BaseProcess, with_group: bool) -> None:
    parent.join()
    if with_group:
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def never() -> bool:
    """Lets a trial run to its end."""
    return False
