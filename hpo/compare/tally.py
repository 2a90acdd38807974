"""The trials of one study of a comparison, counted as they change.

A change costs the same however many trials there are; what the counts mean is `progress`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hpo.contracts.records import FAIL, RUNNING, Budget, StudyRecord, TrialRecord
from hpo.study.audit import is_auditable

CACHED = "cached_from"  # fact of a trial that was not trained: which equal one was


class Tally:
    """Counts of a search, of a confirmation or of an audit.

    One thread changes it; another may read the counts meanwhile, to draw them.

    Attributes:
        study: Its newest record; None until it is opened.
        best: The complete trial with the best value.
        n_finished, n_failed, n_cached, n_running, n_auditable, n_epochs, seconds: Over the trials that count.
        n_trained, trained_s: Epochs and seconds of training since it was opened, all trials together.
        is_ended: Whether nothing is left to do for it.
        is_news: Whether anything happened since it was opened.
    """

    def __init__(self, counts: Callable[[TrialRecord], bool] = lambda _: True) -> None:
        self.study: StudyRecord | None = None
        self.best: TrialRecord | None = None
        self.n_finished = self.n_failed = self.n_cached = self.n_running = self.n_auditable = self.n_epochs = 0
        self.seconds = self.trained_s = 0.0
        self.n_trained = 0
        self.is_ended = self.is_news = False
        self._counts = counts
        self._trials: dict[int, TrialRecord] = {}
        self._before: dict[int, TrialRecord] = {}
        self._budget = Budget()

    @property
    def trials(self) -> list[TrialRecord]:
        """Its trials, as far as they count."""
        return [trial for trial in self._trials.values() if self._counts(trial)]

    @property
    def counted(self) -> list[TrialRecord]:
        """Its finished trials within the budget."""
        return self._budget.counted(self.trials)

    def open(self, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget) -> None:
        """Takes over the trials of earlier drivers; they cost no time now."""
        self._budget = budget
        self._before = {trial.number: trial for trial in trials}
        for trial in trials:
            self._trials[trial.number] = trial
            self._add(trial, 1)
        self.best = study.best(self.counted)
        self.study = study

    def change(self, trial: TrialRecord) -> bool:
        """Takes the newest state of a trial; returns whether it ended with it."""
        before = self._trials.get(trial.number)
        if before is not None:
            self._add(before, -1)
        self._trials[trial.number] = trial
        self._add(trial, 1)
        self.is_news = True
        if self.study is not None and trial.is_finished and self._counts(trial):
            self.best = self.study.best([*([self.best] if self.best else []), trial])
        return trial.is_finished and not (before and before.is_finished)

    def end(self, study: StudyRecord) -> None:
        """Takes what is known at the end: the test, and which trials came too late for the budget."""
        if self.study is not None and study.test != self.study.test:
            self.is_news = True
        self.study = study
        self.best = study.best(self.counted)
        self.is_ended = True

    def _add(self, trial: TrialRecord, sign: int) -> None:
        is_cached, seconds = CACHED in trial.facts, trial.seconds
        before = self._before.get(trial.number)
        if not is_cached:
            self.n_trained += sign * max(trial.n_charged - (before.n_charged if before else 0), 0)
            self.trained_s += sign * max(seconds - (before.seconds if before else 0.0), 0.0)
        if not self._counts(trial):
            return
        is_begun_now = before is None or trial.attempt > before.attempt
        self.n_finished += sign * trial.is_finished
        self.n_failed += sign * (trial.state == FAIL)
        self.n_cached += sign * is_cached
        self.n_running += sign * (trial.state == RUNNING and is_begun_now)
        self.n_auditable += sign * is_auditable(trial)
        self.n_epochs += sign * trial.n_charged
        self.seconds += sign * seconds
