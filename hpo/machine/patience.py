"""Waiting for what is away and may come back: longer from time to time, as long as somebody has patience.

What is waited for, and what is said when it is over, is the caller's business.
"""

from __future__ import annotations

import time

from hpo.machine.signals import MustPause

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 3.0
LOOK_S = 0.1  # how long it may go unnoticed that waiting is over


class Patience:
    """The pauses between the tries at one thing.

    Args:
        limit_s: How long it is tried.
        must_stop: Asked while waiting: whether that is over.
    """

    def __init__(self, limit_s: float, must_stop: MustPause) -> None:
        self._limit_s = limit_s
        self._must_stop = must_stop
        self._began_s = time.monotonic()
        self._pause_s = FIRST_PAUSE_S

    @property
    def waited_s(self) -> float:
        return time.monotonic() - self._began_s

    def pause(self) -> bool:
        """Waits a while; returns whether to try again."""
        until_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        while not self._must_stop() and self.waited_s <= self._limit_s:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return True
            time.sleep(min(left_s, LOOK_S))
        return False
