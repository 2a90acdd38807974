"""How a driver is asked to stop, and why it did.

Which signals ask for it is `session`'s business.
"""

from __future__ import annotations

from enum import Enum


class StopRequest:
    """Set by a signal handler, looked at by the driver between two steps."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def is_set(self) -> bool:
        return self.signal is not None


class Interrupted(BaseException):
    """Ends a trial that runs inside the driver; no `except Exception` may swallow it."""


class Ending(Enum):
    """Why a driver stopped."""

    BUDGET = "the budget is reached"
    EXHAUSTED = "every cell of the grid has its trial"
    INTERRUPTED = "interrupted"
