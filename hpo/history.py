"""A study's past as a proposal may see it, when results are told in order.

With W workers, trial n is proposed while n-W+1 … n-1 run. Which of those have ended already depends
on the machine's mood; here they all still run, so a proposal depends on the trial's number alone.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hpo.trial_memory import TrialMemory


class OrderedHistory:
    """Stands where Optuna expects a `BaseStorage`; what it does not answer itself goes to the real one."""

    def __init__(self, storage: TrialMemory) -> None:
        self._storage = storage
        self._horizon: int | None = None

    @contextmanager
    def seen_from(self, horizon: int | None) -> Iterator[None]:
        """Shows trials numbered above `horizon` as running; None shows everything as it is."""
        self._horizon = horizon
        try:
            yield
        finally:
            self._horizon = None

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        if self._horizon is None:
            return self._storage.get_all_trials(study_id, deepcopy=deepcopy, states=states)
        seen = [self._masked(trial) for trial in self._storage.get_all_trials(study_id, deepcopy=deepcopy)]
        return [trial for trial in seen if states is None or trial.state in states]

    def _masked(self, trial: FrozenTrial) -> FrozenTrial:
        if self._horizon is None or trial.number <= self._horizon or not trial.state.is_finished():
            return trial
        masked = copy(trial)
        masked.state = TrialState.RUNNING
        masked.values = None
        masked.intermediate_values = {}
        return masked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)
