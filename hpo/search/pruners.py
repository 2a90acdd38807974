"""A study as pruners see it: some of its trials, and nothing to write to. Which pruners there are is in `options`.

The view decides which trials are compared and holds back what the pruner would write, so that a
decision and its bookkeeping reach the record in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState


class PrunerView:
    """A study as the pruner may see it: some of its trials, and a notebook instead of a pen.

    Stands where the pruner expects an `optuna.storages.BaseStorage`; what it does not answer
    itself goes to the real one.
    """

    def __init__(self, study: optuna.Study, is_compared: Callable[[FrozenTrial], bool]) -> None:
        self._study = study
        self._is_compared = is_compared
        self.noted: dict[str, float] = {}

    def decide(self, pruner: BasePruner, trial: FrozenTrial, *, epoch: int, value: float) -> bool:
        """Returns whether to stop `trial` after `epoch` with `value`; notes stay in `noted`."""
        seen = copy(trial)
        seen.intermediate_values = {**trial.intermediate_values, epoch: value}
        return bool(pruner.prune(self._as_study(), seen))  # numpy's bool is not JSON's

    def _as_study(self) -> optuna.Study:
        view = copy(self._study)
        view._storage = self  # type: ignore[assignment]  # duck-typed: see the class docstring
        return view

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Sequence[TrialState] | None = None
    ) -> list[FrozenTrial]:
        trials = self._study._storage.get_all_trials(study_id, deepcopy=False, states=states and tuple(states))
        return [trial for trial in trials if self._is_compared(trial)]

    def set_trial_system_attr(self, trial_id: int, key: str, value: float) -> None:
        self.noted[key] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study._storage, name)
