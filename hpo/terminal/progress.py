"""How far a study is: its trials counted as they change, what is done of its budget, how long it may still take.

Told what happens, asked what to show; how that looks is `screen`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hpo.contracts.records import FAIL, RUNNING, Budget, StudyRecord, TrialRecord

CACHED = "cached_from"  # fact of a trial that was not trained: which equal one was


class Tally:
    """Counts of a study's trials; a change costs the same however many there are.

    One thread changes it; another may read it meanwhile, to draw it.

    Attributes:
        study: Its newest record; None until it is opened.
        best: The complete trial with the best value.
        n_finished, n_failed, n_cached, n_running, n_epochs, seconds: Over the trials that count. No paused one runs.
        n_trained, trained_s: Epochs and seconds of training since it was opened, all trials together.
        is_ended: Whether nothing is left to do for it.
        is_news: Whether anything happened since it was opened.
    """

    def __init__(self, counts: Callable[[TrialRecord], bool] = lambda _: True) -> None:
        self.study: StudyRecord | None = None
        self.best: TrialRecord | None = None
        self.n_finished = self.n_failed = self.n_cached = self.n_running = self.n_epochs = 0
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
        return [trial for trial in list(self._trials.values()) if self._counts(trial)]

    @property
    def counted(self) -> list[TrialRecord]:
        """Its finished trials within the budget."""
        return self._budget.counted(self.trials)

    def newest(self, number: int) -> TrialRecord | None:
        """Returns the newest state of a trial; None before there is one."""
        return self._trials.get(number)

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
        self.n_running += sign * (trial.state == RUNNING and is_begun_now and not trial.is_paused)
        self.n_epochs += sign * trial.n_charged
        self.seconds += sign * seconds


@dataclass(frozen=True)
class Spend:
    """What is spent of one limit of the budget; `done` counts a half-run trial by half."""

    done: float
    total: float
    unit: str

    @property
    def share(self) -> float:
        return min(self.done / self.total, 1.0) if self.total > 0 else 1.0


class Progress:
    """A study under way, from the moment a driver opens it.

    Attributes:
        study: The study.
        budget: Its total budget.
        tally: Its trials, whether they are within the budget or not.
    """

    def __init__(
        self, study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget, *, spent_s: float = 0.0
    ) -> None:
        self.study, self.budget, self.tally = study, budget, Tally()
        self.tally.open(study, trials, Budget())
        self._spent_s = spent_s  # by drivers before this one
        self._shares_before = [spend.share for spend in self._spends(0.0)]

    @property
    def running(self) -> list[TrialRecord]:
        at_work = (trial for trial in self.tally.trials if trial.state == RUNNING and not trial.is_paused)
        return sorted(at_work, key=lambda trial: trial.number)

    def binding(self, elapsed_s: float) -> Spend | None:
        """Returns the limit nearest to its end after `elapsed_s` of this driver; None without a limit."""
        return max(self._spends(elapsed_s), key=lambda spend: spend.share, default=None)

    def left_s(self, elapsed_s: float) -> float | None:
        """Returns the seconds to the first limit at the pace of this driver; None where nothing can be said."""
        limits = zip(self._spends(elapsed_s), self._shares_before, strict=True)
        return min(
            (
                elapsed_s * (1.0 - spend.share) / (spend.share - before)
                for spend, before in limits
                if spend.share > before
            ),
            default=None,
        )

    def _spends(self, elapsed_s: float) -> list[Spend]:
        budget, trials = self.budget, self.tally.trials
        spends = [
            (sum(self._trial_share(trial) for trial in trials), budget.n_trials, "trials"),
            (float(self.tally.n_epochs), budget.n_epochs, "epochs"),
            (self._spent_s + elapsed_s, budget.timeout_s, "s"),
        ]
        return [Spend(done, total, unit) for done, total, unit in spends if total is not None]

    def _trial_share(self, trial: TrialRecord) -> float:
        planned = (trial.legs[-1].until if trial.legs else None) or planned_epochs(self.study, trial)
        if trial.is_finished or trial.is_paused or trial.n_before:  # what is promoted has counted already
            return 1.0
        return min(trial.n_epochs / planned, 1.0) if planned else 0.0


def planned_epochs(study: StudyRecord, trial: TrialRecord) -> int | None:
    """Returns the fidelity of `trial`: searched, or the study's; never below what it has already done."""
    train = study.config.get("train")
    fixed = train.get("epochs") if isinstance(train, Mapping) else None
    planned = trial.params.get("train.epochs", fixed)
    return max(int(planned), trial.n_epochs) if isinstance(planned, int | float) else None


def metric_curve(study: StudyRecord, trial: TrialRecord) -> list[float]:
    """Returns the study's metric after each epoch of `trial` that measured it."""
    return [epoch.metrics[study.metric] for epoch in trial.epochs if study.metric in epoch.metrics]
