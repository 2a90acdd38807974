"""What a person sees while a comparison runs: a cell for each strategy and seed, or lines where there is no screen.

A single study's screen is `display`'s.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rich.console import Console, ConsoleDimensions, RenderableType
from rich.text import Text

from hpo.compare.comparison import Comparison
from hpo.compare.progress import ComparisonProgress, StudyProgress
from hpo.compare.screen import (
    audited_line,
    confirmed_line,
    failure_line,
    frame,
    opening_line,
    searched_line,
    total_line,
)
from hpo.compare.table import study_label
from hpo.compare.tally import Tally
from hpo.contracts.records import FAIL, Budget, StudyRecord, TrialRecord
from hpo.terminal.display import REFRESH_HZ, Display, Lines, build_lines

STEPS = 20  # lines of progress in a log, from nothing to everything


def build_comparison_display(comparison: Comparison, console: Console | None = None) -> ComparisonDisplay:
    """Returns a table of all studies on a terminal, and plain lines anywhere else."""
    return ComparisonDisplay(comparison, build_lines(console))


class ComparisonDisplay:
    """Shows all studies of a comparison: a line for what is worth one, and where there is a screen, a table.

    In a log a line for each further twentieth of the work takes the table's place.
    """

    def __init__(self, comparison: Comparison, lines: Lines, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.progress = ComparisonProgress(comparison)
        self._lines = lines
        self._clock = clock
        self._began_s: float | None = None
        self._measured_s = 0.0
        self._n_steps = 0
        self._is_under_way = self._is_said = False
        self._failures: set[tuple[str, str, str | None]] = set()

    def of(self, name: str) -> Display:
        """Returns the display of the search, confirmation or audit called `name`."""
        return _StudyDisplay(self, name)

    def preparing(self, stage: str, done: int, total: int) -> None:
        self._lines.preparing(stage, done, total)

    def note(self, sentence: str) -> None:
        self._lines.note(sentence)

    def close(self) -> None:
        if self._began_s is not None and not self._lines.is_live and not self._is_said:
            self._say_total()
        self._lines.close()

    def study_opened(self, name: str, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget) -> None:
        if self._began_s is None:
            self._began_s = self._clock()
            self._lines.say(opening_line(self.progress))
        if not self._is_under_way:  # others may be opened next: too early to say how much was done before
            self._measured_s = self._clock()
        self.progress.opened(name, study, trials, budget)
        self._lines.show(self._frame)

    def trial_changed(self, name: str, trial: TrialRecord) -> None:
        study, tally = self.progress.find(name)
        has_ended = tally.change(trial)
        self._is_under_way = self._is_under_way or has_ended
        self._is_said = False
        if has_ended and trial.state == FAIL:
            kind = (study.task, study.strategy, trial.reason)
            if kind not in self._failures:  # the others are counted
                self._failures.add(kind)
                self._lines.say(failure_line(self.progress, study, trial))
        self._say_step()

    def study_ended(self, name: str, record: StudyRecord) -> None:
        study, tally = self.progress.find(name)
        self.progress.ended(name, record)
        self._is_under_way = True
        if tally.is_news:
            self._lines.say(self._ended_line(study, tally), may_cut=True)
            self._is_said = False
        self._say_step()

    def _ended_line(self, study: StudyProgress, tally: Tally) -> Text:
        if tally is study.search:
            return searched_line(self.progress, study)
        if tally is study.audit:
            return audited_line(self.progress, study)
        return confirmed_line(self.progress, study, ascii_only=self._lines.is_ascii)

    def note_of(self, name: str, sentence: str) -> None:
        study, _ = self.progress.find(name)
        self.note(f"{study_label(self.progress, study)}: {sentence}")

    def _say_step(self) -> None:
        """Says how far everything is whenever another twentieth is done; in the beginning, what was done before."""
        if self._lines.is_live or self._clock() - self._measured_s < 1 / REFRESH_HZ:
            return
        self._measured_s = self._clock()
        n_steps = int(self.progress.share * STEPS)
        if n_steps > self._n_steps:
            self._n_steps = n_steps
            self._say_total()

    def _say_total(self) -> None:
        self._is_said = True
        self._lines.say(total_line(self.progress, self._elapsed_s()))

    def _elapsed_s(self) -> float:
        return 0.0 if self._began_s is None else self._clock() - self._began_s

    def _frame(self, room: ConsoleDimensions) -> RenderableType:
        return frame(self.progress, self._elapsed_s(), room, ascii_only=self._lines.is_ascii)


class _StudyDisplay:
    """One study's part of the comparison's display."""

    def __init__(self, whole: ComparisonDisplay, name: str) -> None:
        self._whole = whole
        self._name = name

    def preparing(self, stage: str, done: int, total: int) -> None:
        self._whole.preparing(stage, done, total)

    def study_opened(
        self, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget, *, spent_s: float = 0.0
    ) -> None:
        self._whole.study_opened(self._name, study, trials, budget)

    def trial_changed(self, trial: TrialRecord) -> None:
        self._whole.trial_changed(self._name, trial)

    def study_ended(self, study: StudyRecord) -> None:
        self._whole.study_ended(self._name, study)

    def note(self, sentence: str) -> None:
        self._whole.note_of(self._name, sentence)

    def close(self) -> None:
        """Leaves the screen to the other studies."""
