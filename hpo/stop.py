"""How a driver is asked to stop, and why it did.

Which signals ask for it is `session`'s business.
"""

from __future__ import annotations

from enum import Enum


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
    EXHAUSTED = "every cell of the grid has its trial"
    INTERRUPTED = "interrupted"
    PAUSED = "paused"
