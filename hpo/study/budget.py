"""How much of its budget a study has spent.

Counts trials, epochs, seconds of training and seconds of driving; stopping is the driver's business.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from itertools import islice, takewhile

from hpo.contracts.records import TrialRecord
from hpo.storage.record import ELAPSED
from hpo.storage.store import StudyStore
from hpo.study.role import Role

NOTE_EVERY_S = 5.0


class Spending:
    """The spending of one study, over all of its drivers."""

    def __init__(self, role: Role, store: StudyStore) -> None:
        self._role = role
        self._budget = role.budget
        self._store = store
        self._began = time.monotonic()
        self._noted = self._began
        self._settled_epochs = 0  # of the first trials, whose charges are known for good
        self._settled_s: list[float] = []  # as many
        self.elapsed_before_s = float(store.get(ELAPSED) or 0.0)

    def is_spent(self, trials: Collection[TrialRecord], turn: int, *, for_new: bool = True) -> bool:
        """Returns whether no further trial may begin on `turn`; unless `for_new`, whether none may go on."""
        return self.share(trials, turn, for_new=for_new) >= 1.0

    def share(self, trials: Collection[TrialRecord], turn: int, *, for_new: bool = True) -> float:
        """Returns the part of the budget that is spent, of the tightest budget if there are several; 0 without one.

        The trials are those of the study, each time in the same order, new ones at the end. Their number is no limit
        to the going on of one of them.
        """
        budget, parts = self._budget, [0.0]
        if budget.n_trials is not None and for_new:
            parts.append(len(trials) / budget.n_trials)
        if budget.n_epochs is not None or budget.trials_s is not None:
            horizon = self._role.horizon(turn)
            others = self._settle(trials, horizon)
            n_epochs = self._settled_epochs + sum(self._epochs(trial, horizon) for trial in others)
            parts.append(n_epochs / budget.n_epochs if budget.n_epochs else 0.0)
            seconds = sum([*self._settled_s, *(trial.seconds for trial in others)])
            parts.append(seconds / budget.trials_s if budget.trials_s else 0.0)
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

    def _settle(self, trials: Collection[TrialRecord], horizon: int | None) -> list[TrialRecord]:
        """Notes the charges of the first trials, up to one that is not known for good; returns it and all behind it."""
        others = list(islice(trials, len(self._settled_s), None))
        settled = list(takewhile(lambda trial: _is_known(trial, horizon), others))
        self._settled_epochs += sum(trial.n_charged for trial in settled)
        self._settled_s += [trial.seconds for trial in settled]
        return others[len(settled) :]

    def _epochs(self, trial: TrialRecord, horizon: int | None) -> int:
        """Returns the epochs `trial` is charged, as planned while the next turn may not know its end."""
        is_known = _is_known(trial, horizon) or (trial.is_paused and _counts(trial, horizon))
        return trial.n_charged if is_known else self._role.due_epochs(trial)


def _is_known(trial: TrialRecord, horizon: int | None) -> bool:
    return trial.is_finished and _counts(trial, horizon)


def _counts(trial: TrialRecord, horizon: int | None) -> bool:
    return horizon is None or trial.turn <= horizon
