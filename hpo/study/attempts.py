"""Trials that wait for another attempt, and when to stop trying.

What an attempt reports is noted by `trials`; which trial is next is `driver`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from hpo.contracts.trainer import Reason, TrialResult
from hpo.machine.escaping import last_line
from hpo.machine.signals import StopRequest
from hpo.study.trials import TrialBook

MAX_CRASHES = 3  # a trial that killed so many workers is given up
MAX_EQUAL_ERRORS = 5  # in a row: whatever is wrong is not the params


class Setback(Enum):
    """Why an attempt ended before its trial, where that counts."""

    CRASH = "crash"
    OOM = "oom"


class Attempts:
    """The queue of the trials that are to be started again, the newest setback in front.

    Args:
        book: The trials, and how often each had a setback.
        note: Says what is worth a line.
    """

    def __init__(self, book: TrialBook, note: Callable[[str], None]) -> None:
        self._book = book
        self._note = note
        self._waiting: list[int] = []  # left RUNNING by an earlier driver, or set back
        self._setbacks: dict[int, Setback] = {}

    def add(self, numbers: Sequence[int]) -> None:
        """Puts trials that an earlier driver left behind at the end."""
        self._waiting.extend(numbers)

    def pop(self) -> int | None:
        """Returns the trial whose turn it is, if any waits."""
        return self._waiting.pop(0) if self._waiting else None

    def begin(self, number: int) -> None:
        """Counts one more attempt at a trial, and the setback that made it necessary."""
        setback = self._setbacks.pop(number, None)
        self._book.begin_attempt(number, has_crashed=setback is Setback.CRASH, lacked_memory=setback is Setback.OOM)

    def is_alone(self, number: int) -> bool:
        """Returns whether nothing else may run beside trial `number`."""
        return self._book.n_ooms(number) > 0

    def ends(self, number: int, result: TrialResult) -> bool:
        """Returns whether `result` is the end of trial `number`; if not, the trial waits for another attempt."""
        if result.paused:
            self._waiting.insert(0, number)
            return False
        if result.reason is Reason.OOM and not self._book.n_ooms(number):
            self._note(f"Trial {number}: {_sentence(result.error)}; trying again with nothing else beside it.")
            self._set_back(number, Setback.OOM)
            return False
        return True

    def lost(self, number: int, detail: str) -> TrialResult | None:
        """Puts a trial whose worker died in front; returns its end if it has killed too many."""
        crashes = self._book.n_crashes(number) + 1
        if crashes >= MAX_CRASHES:
            error = f"{detail}; {crashes} workers died in this trial"
            return TrialResult(n_epochs=0, reason=Reason.CRASH_LOOP, error=error)
        attempt = self._book.trials[number].attempt + 1
        self._note(f"Trial {number}: {detail}; trying again (attempt {attempt}).")
        self._set_back(number, Setback.CRASH)
        return None

    def _set_back(self, number: int, setback: Setback) -> None:
        self._setbacks[number] = setback
        self._waiting.insert(0, number)


class EqualErrors:
    """Pauses a study whose trials all fail in the same way: more of them would teach nothing.

    Args:
        study: The study's name.
        stop: Is told when it is enough.
    """

    def __init__(self, study: str, stop: StopRequest) -> None:
        self._study = study
        self._stop = stop
        self._last = ""
        self._n_equal = 0

    def note(self, result: TrialResult) -> None:
        """Counts a trial that ended."""
        error = _kind_of_error(result)
        self._n_equal = self._n_equal + 1 if error and error == self._last else bool(error)
        self._last = error
        if self._n_equal >= MAX_EQUAL_ERRORS and not self._stop.is_set:
            self._stop.obstacle = (
                f"Study '{self._study}' is paused: {self._n_equal} trials in a row failed with the same error "
                f"({_sentence(error)}); mend its cause, and the same command goes on."
            )


def _kind_of_error(result: TrialResult) -> str:
    """Returns what makes errors equal; "" for what is the params' fault, or none."""
    match result.reason:
        case Reason.ERROR:
            return last_line(result.error or "") or "no reason given"
        case Reason.CRASH_LOOP:
            return f"{MAX_CRASHES} workers died in each"
    return ""


def _sentence(text: str | None) -> str:
    """Returns the first line of `text`, short and without its full stop."""
    lines = (text or "").strip().splitlines() or ["no reason given"]
    return lines[0][:200].rstrip(". ")
