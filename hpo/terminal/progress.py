"""How far a study is: what is done of its budget, what runs, what is best, how long it may still take.

Pure and frozen, so that a screen may draw one while the next is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hpo.contracts.records import RUNNING, Budget, StudyRecord, TrialRecord


@dataclass(frozen=True)
class Spend:
    """What is spent of one limit of the budget; `done` counts a half-run trial by half."""

    done: float
    total: float
    unit: str

    @property
    def share(self) -> float:
        return min(self.done / self.total, 1.0) if self.total > 0 else 1.0


@dataclass(frozen=True)
class Progress:
    """A study under way.

    Attributes:
        study: The study.
        budget: Its total budget.
        trials: By number, the newest state of each.
        spent_s: Seconds of driving before this driver.
        shares_before: What was spent of each limit before this driver, in [0, 1].
        n_finished: How many of the trials have ended.
        incumbent: The best of them, if there is one.
    """

    study: StudyRecord
    budget: Budget
    trials: Mapping[int, TrialRecord]
    spent_s: float = 0.0
    shares_before: tuple[float, ...] = ()
    n_finished: int = 0
    incumbent: TrialRecord | None = None

    def with_trial(self, trial: TrialRecord) -> Progress:
        before = self.trials.get(trial.number)
        is_newly_finished = trial.is_finished and not (before and before.is_finished)
        return replace(
            self,
            trials={**self.trials, trial.number: trial},
            n_finished=self.n_finished + is_newly_finished,
            incumbent=self.study.best([*([self.incumbent] if self.incumbent else []), trial]),
        )

    @property
    def running(self) -> list[TrialRecord]:
        return sorted((t for t in self.trials.values() if t.state == RUNNING), key=lambda t: t.number)

    def binding(self, elapsed_s: float) -> Spend | None:
        """Returns the limit nearest to its end after `elapsed_s` of this driver; None without a limit."""
        return max(self._spends(elapsed_s), key=lambda spend: spend.share, default=None)

    def left_s(self, elapsed_s: float) -> float | None:
        """Returns the seconds to the first limit at the pace of this driver; None where nothing can be said."""
        limits = zip(self._spends(elapsed_s), self.shares_before, strict=True)
        return min(
            (
                elapsed_s * (1.0 - spend.share) / (spend.share - before)
                for spend, before in limits
                if spend.share > before
            ),
            default=None,
        )

    def _spends(self, elapsed_s: float) -> list[Spend]:
        budget = self.budget
        spends = [
            (sum(self._trial_share(t) for t in self.trials.values()), budget.n_trials, "trials"),
            (float(sum(t.n_charged for t in self.trials.values())), budget.n_epochs, "epochs"),
            (self.spent_s + elapsed_s, budget.timeout_s, "s"),
        ]
        return [Spend(done, total, unit) for done, total, unit in spends if total is not None]

    def _trial_share(self, trial: TrialRecord) -> float:
        planned = planned_epochs(self.study, trial)
        return 1.0 if trial.is_finished else min(trial.n_epochs / planned, 1.0) if planned else 0.0


def open_progress(study: StudyRecord, trials: Sequence[TrialRecord], budget: Budget, spent_s: float) -> Progress:
    """Returns the progress of a study at the moment a driver opens it."""
    progress = Progress(
        study,
        budget,
        {trial.number: trial for trial in trials},
        spent_s,
        n_finished=sum(trial.is_finished for trial in trials),
        incumbent=study.best(list(trials)),
    )
    return replace(progress, shares_before=tuple(spend.share for spend in progress._spends(0.0)))


def planned_epochs(study: StudyRecord, trial: TrialRecord) -> int | None:
    """Returns the fidelity of `trial`: searched, or the study's; never below what it has already done."""
    train = study.config.get("train")
    fixed = train.get("epochs") if isinstance(train, Mapping) else None
    planned = trial.params.get("train.epochs", fixed)
    return max(int(planned), trial.n_epochs) if isinstance(planned, int | float) else None


def metric_curve(study: StudyRecord, trial: TrialRecord) -> list[float]:
    """Returns the study's metric after each epoch of `trial` that measured it."""
    return [epoch.metrics[study.metric] for epoch in trial.epochs if study.metric in epoch.metrics]
