"""The terminal hpo writes to, and what happens when it goes away.

What is written there is decided by `display` and `summary`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from hpo.terminal.format import format_duration

CLOSED_PIPE = 1  # what Rich gives SystemExit


def open_console() -> Console:
    """Returns a console on standard output."""
    return tolerant(Console(highlight=False))


def tolerant(console: Console) -> Console:
    """Returns `console`, which from now on never fails over a character that its encoding lacks."""
    reconfigure = getattr(console.file, "reconfigure", None)  # a stream of the system's has it
    if reconfigure is not None and console.options.ascii_only:
        reconfigure(errors="replace")
    return console


@contextmanager
def unless_gone(console: Console) -> Iterator[None]:
    """Silences `console` when nobody reads it any more: a closed pipe or a lost login must not end a study.

    Rich turns a closed pipe into SystemExit; a lost login is an OSError. A signal that ends the command ends it
    here, too.
    """
    try:
        yield
    except OSError:
        console.quiet = True
    except SystemExit as end:
        if end.code != CLOSED_PIPE:
            raise
        console.quiet = True


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
