"""What a person sees while a comparison runs: a cell for each strategy and seed, or lines where there is no screen.

A single study's screen is `display`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.console import Console, ConsoleDimensions, RenderableType

from hpo.compare.comparison import Comparison
from hpo.compare.progress import ComparisonProgress, StudyProgress
from hpo.compare.screen import ended_line, failure_line, frame, opening_line, total_line
from hpo.compare.table import study_label
from hpo.contracts.records import FAIL, Budget, StudyRecord, TrialRecord
from hpo.terminal.console import QUIET_S
from hpo.terminal.display import REFRESH_HZ, Display, Lines, Screen, build_lines

STEPS = 20  # steps of progress in a log, from nothing to everything


def build_comparison_display(comparison: Comparison, console: Console | None = None) -> ComparisonDisplay:
    """Returns a table of all studies on a terminal, and plain lines anywhere else."""
    return ComparisonDisplay(comparison, build_lines(console))


class ComparisonDisplay(Screen):
    """Shows all studies of a comparison: a line for what is worth one, and where there is a screen, a table.

    In a log lines take the table's place: one for each half of the work, and in between, once in a minute, one for
    further twentieths.
    """

    def __init__(self, comparison: Comparison, lines: Lines, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(lines, clock=clock)
        self.progress = ComparisonProgress(comparison)
        self._measured_s = 0.0
        self._n_steps = 0
        self._said_s: float | None = None
        self._is_under_way = self._is_said = False
        self._failures: set[tuple[str, str, str | None]] = set()

    def of(self, name: str) -> Display:
        """Returns the display of the search, confirmation or audit called `name`."""
        return _StudyDisplay(self, name)

    def close(self) -> None:
        if self.opened_s is not None and not self.lines.is_live and not self._is_said:
            self._say_total()
        super().close()

    def begin(self) -> None:
        """Says what is compared, when the first study is opened."""
        if self.opened_s is None:
            self.opened_s = self.clock()
            self.lines.say(opening_line(self.progress))
        if not self._is_under_way:  # others may be opened next: too early to say how much was done before
            self._measured_s = self.clock()

    def decided(self) -> None:
        self.progress.leave_out_waiting()
        self._is_said = False

    def draw(self, room: ConsoleDimensions) -> RenderableType:
        return frame(self.progress, self.elapsed_s, room, ascii_only=self.lines.is_ascii)

    def fail(self, study: StudyProgress, trial: TrialRecord) -> None:
        """Says why a trial failed, once for each strategy and reason; the others are counted."""
        kind = (study.task, study.strategy, trial.reason)
        if kind not in self._failures:
            self._failures.add(kind)
            self.lines.say(failure_line(self.progress, study, trial))

    def step(self, *, is_news: bool, has_ended: bool) -> None:
        """Says how far everything is when a half is done, or another twentieth and a minute; first, what was before."""
        self._is_said = self._is_said and not is_news
        self._is_under_way = self._is_under_way or has_ended
        if self.lines.is_live or self.clock() - self._measured_s < 1 / REFRESH_HZ:
            return
        self._measured_s = self.clock()
        n_steps = int(self.progress.share * STEPS)
        is_due = self._said_s is not None and self.clock() - self._said_s >= QUIET_S
        n_halves, before = (2 * n // STEPS for n in (n_steps, self._n_steps))
        if n_steps > self._n_steps and (is_due or n_halves > before or self._said_s is None):
            self._n_steps = n_steps
            self._say_total()

    def _say_total(self) -> None:
        self._is_said, self._said_s = True, self.clock()
        self.lines.say(total_line(self.progress, self.elapsed_s))


class _StudyDisplay(Display):
    """The part of a search, a confirmation or an audit in the comparison's display; closing it leaves the others."""

    def __init__(self, whole: ComparisonDisplay, name: str) -> None:
        self._whole, self._name = whole, name
        self._study, self._tally = whole.progress.find(name)

    def preparing(self, stage: str, done: int, total: int) -> None:
        self._whole.preparing(stage, done, total)

    def study_opened(
        self, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget, *, spent_s: float = 0.0
    ) -> None:
        self._whole.begin()
        self._tally.open(study, trials, budget)
        self._whole.lines.show(self._whole.draw)

    def trial_changed(self, trial: TrialRecord) -> None:
        has_ended = self._tally.change(trial)
        if has_ended and trial.state == FAIL:
            self._whole.fail(self._study, trial)
        self._whole.step(is_news=True, has_ended=has_ended)

    def study_ended(self, study: StudyRecord) -> None:
        progress, lines = self._whole.progress, self._whole.lines
        progress.ended(self._name, study)
        if self._tally.is_news:
            lines.say(ended_line(progress, self._study, self._tally, ascii_only=lines.is_ascii))
        self._whole.step(is_news=self._tally.is_news, has_ended=True)

    def note(self, sentence: str) -> None:
        self._whole.note(f"{study_label(self._whole.progress, self._study)}: {sentence}")
