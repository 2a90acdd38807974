"""What a person sees while a study runs: a screen that updates itself, or plain lines where there is none.

Knows nothing of who runs the trials; what is printed at the end is `summary`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from hpo.contracts.records import Budget, StudyRecord, TrialRecord
from hpo.machine.escaping import printable
from hpo.machine.secrets import mask
from hpo.terminal.console import Stage, Stages, open_console, tolerant, unless_gone
from hpo.terminal.format import format_number
from hpo.terminal.progress import Progress
from hpo.terminal.screen import bar, frame, opening_line, trial_details, trial_line

INDENT = 4  # of what has no room behind a line
REFRESH_HZ = 2  # drawing takes processor time from the trials

Body = Callable[[ConsoleDimensions], RenderableType]
"""Draws what is kept in sight below the lines, in so many columns and rows."""


class Announcer:
    """Says what concerns no single study: data being prepared, what is worth a line, the end. This one says nothing."""

    def preparing(self, stage: str, done: int, total: int) -> None:
        """Shows how far a stage of the data preparation is."""

    def note(self, sentence: str) -> None:
        """Shows a warning or an event that is worth a line."""

    def decided(self) -> None:
        """Shows that what has not begun is not going to be."""

    def close(self) -> None:
        """Leaves the last state on the terminal; may be called twice."""


class Display(Announcer):
    """Shows one study after another: the study opened, its trials changing, its end. This one shows nothing."""

    def study_opened(
        self, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget, *, spent_s: float = 0.0
    ) -> None:
        """Shows a study, new or continued; `spent_s` is what earlier drivers spent of its time."""

    def trial_changed(self, trial: TrialRecord) -> None:
        """Shows the newest state of a trial: after it was asked for, after every epoch, at its end."""

    def study_ended(self, study: StudyRecord) -> None:
        """Shows that nothing is left to do for a study; `study` has its test metrics."""


def build_display(console: Console | None = None) -> Display:
    """Returns the display of a single study: a live screen on a terminal, and plain lines anywhere else."""
    return StudyDisplay(build_lines(console))


def build_lines(console: Console | None = None) -> Lines:
    """Returns lines above something that changes on a terminal, and nothing but lines anywhere else."""
    console = tolerant(console) if console else open_console()
    return LiveLines(console) if console.is_terminal and not console.is_dumb_terminal else Lines(console)


class Lines(Announcer):
    """Lines for a log, with how far the stages of the preparation are.

    Attributes:
        is_live: Whether what `show` was given is seen.
        is_ascii: Whether other characters cannot be written.
    """

    is_live = False

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stages = Stages()
        self.is_ascii = console.options.ascii_only

    def preparing(self, stage: str, done: int, total: int) -> None:
        now = self._stages.moved(stage, done, total)
        percent = self._stages.milestone(stage, now)
        if percent is not None:
            self.say(Text(f"preparing {stage}: {percent} % of {total:,}{now.left}"))

    def note(self, sentence: str) -> None:
        self.say(Text(printable(mask(sentence)), style="yellow"))

    def say(self, line: Text, rest: Text | None = None) -> None:
        """Writes a line; on a terminal, `rest` comes below it where there is no room behind it."""
        with unless_gone(self._console):
            self._console.print(Text(" ").join([line, rest]) if rest else line, soft_wrap=True)

    def show(self, body: Body) -> None:
        """Keeps what `body` draws in sight, where there is a screen."""


class LiveLines(Lines):
    """Lines, and below them the preparation under way and a body, drawn again and again."""

    is_live = True

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._under_way: dict[str, Stage] = {}
        self._body: Body | None = None
        self._is_closed = False
        self._live = Live(console=console, get_renderable=self._frame, refresh_per_second=REFRESH_HZ)

    def preparing(self, stage: str, done: int, total: int) -> None:
        if done < total:
            self._under_way = {**self._under_way, stage: self._stages.moved(stage, done, total)}
            self._start()
        else:
            self._under_way = {name: state for name, state in self._under_way.items() if name != stage}
            self.say(Text(f"prepared {stage}: {total:,}"))

    def say(self, line: Text, rest: Text | None = None) -> None:
        is_roomy = rest is None or line.cell_len + 1 + rest.cell_len <= self._console.width
        with unless_gone(self._console):
            if rest is not None and not is_roomy:
                self._console.print(line, Padding(rest, (0, 0, 0, INDENT)), sep="\n")
            else:
                self._console.print(Text(" ").join([line, rest]) if rest else line)

    def show(self, body: Body) -> None:
        self._body = body
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

    def _frame(self) -> RenderableType:
        rows: list[RenderableType] = [
            bar(f"preparing {name}", stage.done / stage.total, f"{stage.done:,} of {stage.total:,}{stage.left}")
            for name, stage in self._under_way.items()
        ]
        width, height = self._console.size
        if self._body is not None:
            rows.append(self._body(ConsoleDimensions(width, height - len(rows) - 1)))
        return Group(*rows, "")  # an empty line for the cursor: an echoed ^C would wrap behind a full one


class Screen(Announcer):
    """What is seen of studies under way: lines and a frame, drawn while the time goes on.

    Args:
        lines: Where they are written.
        clock: Seconds, from any moment on.
    """

    def __init__(self, lines: Lines, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.lines, self.clock = lines, clock
        self.opened_s: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first study was opened."""
        return 0.0 if self.opened_s is None else self.clock() - self.opened_s

    def preparing(self, stage: str, done: int, total: int) -> None:
        self.lines.preparing(stage, done, total)

    def note(self, sentence: str) -> None:
        self.lines.note(sentence)

    def close(self) -> None:
        self.lines.close()


class StudyDisplay(Screen, Display):
    """A study, a line for each finished trial, and a frame: how far, how long, what is best, what runs.

    Its end is told by the summary.
    """

    progress: Progress | None = None

    def study_opened(
        self, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget, *, spent_s: float = 0.0
    ) -> None:
        self.opened_s = self.clock()
        self.progress = progress = Progress(study, trials, budget, spent_s=spent_s)
        self.lines.say(opening_line(progress))
        held = study.corpus.get(f"baseline_{study.metric}")
        if isinstance(held, float):
            self.lines.say(Text(f"to beat: {study.metric} {format_number(held)}, a linear model of the words on valid"))
        self.lines.show(lambda room: frame(progress, self.elapsed_s, room, ascii_only=self.lines.is_ascii))

    def trial_changed(self, trial: TrialRecord) -> None:
        if self.progress is not None and self._is_news(self.progress, trial):
            details = trial_details(self.progress, trial, ascii_only=self.lines.is_ascii)
            self.lines.say(trial_line(self.progress, trial), details)

    def _is_news(self, progress: Progress, trial: TrialRecord) -> bool:
        """Takes the newest state of a trial; returns whether it ended, paused or was promoted with it.

        The end of one that is paused is no news: its line was there.
        """
        before = progress.tally.newest(trial.number)
        has_ended = progress.tally.change(trial)
        was_paused = before is not None and before.is_paused
        return has_ended and not was_paused if trial.is_finished else trial.is_paused != was_paused
