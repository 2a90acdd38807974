"""Signals that ask a command to stop: noted for whoever looks, at once the second time.

What is done about it is the business of `fleet`.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hpo.stop import StopRequest

# Slurm warns by SIGUSR1 or SIGUSR2 if told so (--signal=USR1@90), and whoever ends spot machines by SIGTERM.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Turns the first signal into a request to stop; a second one ends at once.

    Nothing is printed here: the signal may have come in the middle of a line. A SIGHUP that is ignored, as under
    nohup, stays so.
    """
    stop = StopRequest()
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
