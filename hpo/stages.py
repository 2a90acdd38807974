"""How far the stages of a preparation are, and how long each will still take."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hpo.notation import format_duration

QUIET_S = 60.0  # a log hears of every half of a stage, and once in so many seconds of a tenth
_MEASURED_S = 10.0  # what a stage must have taken before one can say how long it will take


@dataclass(frozen=True)
class Stage:
    """One stage at one moment.

    Attributes:
        done, total: In whatever the stage counts.
        left: What to say of the time left, after the numbers; "" where that is not known yet.
    """

    done: int
    total: int
    left: str = ""

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total > 0 else 100


class Stages:
    """Follows the stages of one command, each known by its name."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began: dict[str, tuple[float, int]] = {}
        self._logged: dict[str, tuple[float, int]] = {}

    def moved(self, name: str, done: int, total: int) -> Stage:
        """Returns how far a stage is now; what it had done when it was first heard of took it no time."""
        now_s = self._clock()
        began_s, before = self._began.setdefault(name, (now_s, done))
        if now_s - began_s < _MEASURED_S or not before < done < total:
            return Stage(done, total)
        left_s = (now_s - began_s) * (total - done) / (done - before)
        return Stage(done, total, f", about {format_duration(left_s)} left")

    def milestone(self, name: str, stage: Stage) -> int | None:
        """Returns the percentage that a log is told now, each once; None if there is nothing to tell."""
        last_s, last = self._logged.get(name, (0.0, -1))
        now_s = self._clock()
        is_due = now_s - last_s >= QUIET_S
        tenth = stage.percent - stage.percent % (10 if is_due and last >= 0 else 50)
        if tenth <= last:
            return None
        self._logged[name] = now_s, tenth
        return tenth
