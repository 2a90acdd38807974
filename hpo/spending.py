"""How much of its budget a study has spent.

Counts trials, epochs, seconds of training and seconds of driving; stopping is the driver's business.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from hpo.assignment import Assignment
from hpo.record import TrialRecord
from hpo.storage import ELAPSED
from hpo.study_store import StudyStore

NOTE_EVERY_S = 5.0


class Spending:
    """The spending of one study, over all of its drivers."""

    def __init__(self, assignment: Assignment, store: StudyStore) -> None:
        self._assignment = assignment
        self._budget = assignment.budget
        self._store = store
        self._began = time.monotonic()
        self._noted = self._began
        self.elapsed_before_s = float(store.get(ELAPSED) or 0.0)

    def is_spent(self, trials: Collection[TrialRecord]) -> bool:
        """Returns whether no further trial may begin."""
        return self.share(trials) >= 1.0

    def share(self, trials: Collection[TrialRecord]) -> float:
        """Returns the part of the budget that is spent, of the tightest budget if there are several; 0 without one."""
        budget, parts = self._budget, [0.0]
        if budget.n_trials is not None:
            parts.append(len(trials) / budget.n_trials)
        if budget.n_epochs is not None:
            horizon = self._assignment.horizon(len(trials))
            parts.append(sum(self._epochs(trial, horizon) for trial in trials) / budget.n_epochs)
        if budget.trials_s is not None:
            parts.append(sum(trial.seconds for trial in trials) / budget.trials_s)
        if budget.timeout_s is not None:
            parts.append(self.elapsed_s() / budget.timeout_s)
        return max(parts)

    def elapsed_s(self) -> float:
        return self.elapsed_before_s + time.monotonic() - self._began

    def note_elapsed(self, *, at_once: bool = False) -> None:
        """Writes the seconds of driving to the record, not more often than is worth a transaction."""
        if at_once or time.monotonic() - self._noted >= NOTE_EVERY_S:
            self._noted = time.monotonic()
            self._store.set(ELAPSED, round(self.elapsed_s(), 3))

    def _epochs(self, trial: TrialRecord, horizon: int | None) -> int:
        """Returns the epochs `trial` is charged, as planned while the next proposal may not know its end."""
        is_known = trial.is_finished and (horizon is None or trial.number <= horizon)
        return trial.n_charged if is_known else self._assignment.planned_epochs(trial)
