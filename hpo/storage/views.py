"""A study's past as a proposal may see it, when results are told in order.

With W workers, trial n is proposed while n-W+1 … n-1 run. Which of those have ended already depends
on the machine's mood; here they all still run, so a proposal depends on the trial's number alone.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from copy import copy
from copy import deepcopy as copy_deeply
from functools import partial
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState


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


FINISHED = tuple(state for state in TrialState if state.is_finished())
WRITES = ("param", "system_attr", "user_attr", "intermediate_value", "state_values")


class TrialMemory:
    """Stands where Optuna expects a `BaseStorage`; remembers the trials of the one study its driver alone writes.

    What a trial became by a write is read back from the storage, and nothing but that trial.
    """

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage
        self._trials: dict[int, FrozenTrial] | None = None  # by id, in the order of their numbers
        self._open: set[int] = set()  # those that may still change
        self._stale: set[int] = set()

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        known = self._known(study_id)
        for trial_id in list(self._stale):
            self.get_trial(trial_id)
        may_be_open = states is not None and not any(state in states for state in FINISHED)
        looked_at = [known[trial_id] for trial_id in sorted(self._open)] if may_be_open else known.values()
        found = [trial for trial in looked_at if states is None or trial.state in states]
        return copy_deeply(found) if deepcopy else found

    def get_trial(self, trial_id: int) -> FrozenTrial:
        if self._trials is None:
            return self._storage.get_trial(trial_id)
        if trial_id in self._stale or trial_id not in self._trials:
            self._keep(self._trials, self._storage.get_trial(trial_id))
        return self._trials[trial_id]

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        return self.get_trial(trial_id).system_attrs

    def get_trial_user_attrs(self, trial_id: int) -> dict[str, Any]:
        return self.get_trial(trial_id).user_attrs

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        n_known = len(self._known(study_id))
        trial_id = self._storage.create_new_trial(study_id, template_trial)
        if self.get_trial(trial_id).number != n_known:  # somebody else has put a trial there
            self._trials = None
        return trial_id

    def _known(self, study_id: int) -> dict[int, FrozenTrial]:
        if self._trials is None:
            trials = self._storage.get_all_trials(study_id, deepcopy=False)
            self._trials, self._open, self._stale = {}, set(), set()
            for trial in trials:
                self._keep(self._trials, trial)
        return self._trials

    def _keep(self, trials: dict[int, FrozenTrial], trial: FrozenTrial) -> None:
        trials[trial._trial_id] = trial
        self._stale.discard(trial._trial_id)
        (self._open.discard if trial.state.is_finished() else self._open.add)(trial._trial_id)

    def _write(self, write: Callable[..., Any], trial_id: int, *args: Any, **kwargs: Any) -> Any:
        self._stale.add(trial_id)  # also when it fails: it may have reached the storage
        return write(trial_id, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._storage, name)
        return partial(self._write, found) if name.removeprefix("set_trial_") in WRITES else found
