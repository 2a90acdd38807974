"""What a person sees while a study runs: a screen that updates itself, or plain lines where there is none.

Knows nothing of who runs the trials; what is printed at the end is `summary`'s.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from hpo.notation import printable
from hpo.progress import Progress, open_progress
from hpo.record import FAIL, Budget, StudyRecord, TrialRecord
from hpo.screen import bar, frame, opening_line, trial_line
from hpo.terminal import open_console, tolerant, unless_gone

REFRESH_HZ = 2  # drawing takes processor time from the trials


class Display(Protocol):
    """Shows one study after another: data being prepared, the study opened, its trials changing, the end."""

    def preparing(self, stage: str, done: int, total: int) -> None:
        """Shows how far a stage of the data preparation is."""
        ...

    def study_opened(
        self, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget, *, spent_s: float = 0.0
    ) -> None:
        """Shows a study, new or continued; `spent_s` is what earlier drivers spent of its time."""
        ...

    def trial_changed(self, trial: TrialRecord) -> None:
        """Shows the newest state of a trial: after it was asked for, after every epoch, at its end."""
        ...

    def note(self, sentence: str) -> None:
        """Shows a warning or an event that is worth a line."""
        ...

    def close(self) -> None:
        """Leaves the last state on the terminal; may be called twice."""
        ...


def build_display(console: Console | None = None) -> Display:
    """Returns a live screen on a terminal, and plain lines anywhere else."""
    console = tolerant(console) if console else open_console()
    return LiveDisplay(console) if console.is_terminal and not console.is_dumb_terminal else PlainDisplay(console)


class PlainDisplay:
    """Lines for a log: the study, every finished trial, half and whole stages of the preparation."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_ascii = console.options.ascii_only
        self._progress: Progress | None = None
        self._shown: dict[str, int] = {}

    def preparing(self, stage: str, done: int, total: int) -> None:
        percent = 100 * done // total if total > 0 else 100
        milestone = 100 if percent >= 100 else 50 if percent >= 50 else 0
        if milestone > self._shown.get(stage, -1):
            self._shown[stage] = milestone
            self._say(Text(f"preparing {stage}: {milestone} % of {total:,}"))

    def study_opened(
        self, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget, *, spent_s: float = 0.0
    ) -> None:
        self._progress = open_progress(study, trials, budget, spent_s)
        self._say(opening_line(self._progress))

    def trial_changed(self, trial: TrialRecord) -> None:
        if self._progress is None:
            return
        before = self._progress.trials.get(trial.number)
        self._progress = self._progress.with_trial(trial)
        if trial.is_finished and not (before and before.is_finished):
            self._say(trial_line(self._progress, trial, ascii_only=self._is_ascii), may_cut=trial.state != FAIL)

    def note(self, sentence: str) -> None:
        self._say(Text(printable(sentence), style="yellow"))

    def close(self) -> None:
        pass

    def _say(self, line: Text, *, may_cut: bool = False) -> None:
        with unless_gone(self._console):
            self._console.print(line, soft_wrap=True)


class LiveDisplay(PlainDisplay):
    """The lines of the plain display, and below them a frame: how far, how long, what is best, what runs."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._stages: dict[str, tuple[int, int]] = {}
        self._opened_s = time.monotonic()
        self._is_closed = False
        self._live = Live(console=console, get_renderable=self._frame, refresh_per_second=REFRESH_HZ)

    def preparing(self, stage: str, done: int, total: int) -> None:
        if done < total:
            self._stages = {**self._stages, stage: (done, total)}
            self._start()
        else:
            self._stages = {name: state for name, state in self._stages.items() if name != stage}
            self._say(Text(f"prepared {stage}: {total:,}"))

    def study_opened(
        self, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget, *, spent_s: float = 0.0
    ) -> None:
        self._opened_s = time.monotonic()
        super().study_opened(study, trials, budget, spent_s=spent_s)
        self._start()

    def close(self) -> None:
        self._is_closed = True
        # Rich's stop trips over a start that a lost terminal cut short.
        with unless_gone(self._console), suppress(IndexError):
            self._live.stop()

    def _start(self) -> None:
        if not self._is_closed:
            with unless_gone(self._console):
                self._live.start()

    def _say(self, line: Text, *, may_cut: bool = False) -> None:
        with unless_gone(self._console):
            self._console.print(line, no_wrap=may_cut, overflow="ellipsis" if may_cut else "fold")

    def _frame(self) -> RenderableType:
        rows: list[RenderableType] = [
            bar(f"preparing {stage}", done / total, f"{done:,} of {total:,}")
            for stage, (done, total) in self._stages.items()
        ]
        if self._progress is not None:
            room = self._console.height - len(rows) - 1
            rows.append(
                frame(self._progress, time.monotonic() - self._opened_s, n_rows=room, ascii_only=self._is_ascii)
            )
        return Group(*rows, "")  # an empty line for the cursor: an echoed ^C would wrap behind a full one
