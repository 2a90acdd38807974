"""One study as its driver's samplers and pruners see it: remembered, told in order, compared with what is comparable.

How the record is asked and written is the business of what is behind: see `enduring`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from copy import deepcopy as copy_deeply
from itertools import chain
from typing import Any, TypeVar

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from hpo.storage.record import is_at_rest, read_legs
from hpo.storage.relay import Relay

T = TypeVar("T")


class StudyView(Relay):
    """The storage of one study that its driver alone writes.

    It remembers the trials: what one became by a write is read back, and nothing but that trial.

    Args:
        behind: Where the study is.
        study_id: Its number there; whatever concerns others is passed on.

    Attributes:
        learnt: Trials of earlier studies, which samplers see and nobody else.
    """

    def __init__(self, behind: BaseStorage, study_id: int) -> None:
        super().__init__(behind)
        self._study_id = study_id
        self._trials: dict[int, FrozenTrial] = {}  # by id, in the order of their numbers; none before the first look
        self._stale: set[int] = set()
        self._show: Callable[[FrozenTrial], FrozenTrial | None] | None = None
        self._notes: dict[str, Any] | None = None
        self._is_asking = False
        self.learnt: list[FrozenTrial] = []

    @contextmanager
    def up_to(self, horizon: int | None) -> Iterator[None]:
        """Shows trials begun after turn `horizon` as running; None shows everything as it is.

        With W workers, turn n is taken while n-W+1 … n-1 run. Which of those have ended already depends on the
        machine's mood; here they all still run, so a proposal depends on its turn alone. A trial that is paused is
        shown as pruned there.
        """
        self._show = lambda trial: _as_known(trial, horizon)
        self._is_asking = True
        try:
            yield
        finally:
            self._show, self._is_asking = None, False

    @contextmanager
    def among(self, is_compared: Callable[[FrozenTrial], bool]) -> Iterator[dict[str, Any]]:
        """Shows those trials alone that are compared, and keeps what a pruner would note of its trial, by key.

        So a decision and its bookkeeping can reach the record in one piece.
        """
        self._show = lambda trial: trial if is_compared(trial) else None
        self._notes = {}
        try:
            yield self._notes
        finally:
            self._show, self._notes = None, None

    def delete_study(self, study_id: int) -> None:
        super().delete_study(study_id)
        self._trials.clear()

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        if study_id != self._study_id:
            return super().get_all_trials(study_id, deepcopy, states)
        others = self.learnt if self._is_asking else []
        shown = (trial if self._show is None else self._show(trial) for trial in chain(others, self._remembered()))
        found = [trial for trial in shown if trial is not None and (states is None or trial.state in states)]
        return copy_deeply(found) if deepcopy else found

    def get_trial(self, trial_id: int) -> FrozenTrial:
        if trial_id not in self._trials:
            return super().get_trial(trial_id)
        if trial_id in self._stale:
            self._trials[trial_id] = super().get_trial(trial_id)
            self._stale.discard(trial_id)
        return self._trials[trial_id]

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trial_id = super().create_new_trial(study_id, template_trial)
        if study_id == self._study_id and self._trials:
            trial = super().get_trial(trial_id)
            if trial.number == len(self._trials):
                self._trials[trial_id] = trial
            else:  # somebody else has put a trial there
                self._trials.clear()
        return trial_id

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if self._notes is None:
            super().set_trial_system_attr(trial_id, key, value)
        else:
            self._notes[key] = value

    def _write_trial(self, call: Callable[..., T], trial_id: int, *args: object) -> T:
        self._stale.add(trial_id)  # also when it fails: it may have reached the storage
        return super()._write_trial(call, trial_id, *args)

    def _remembered(self) -> Iterable[FrozenTrial]:
        if not self._trials:
            for trial in super().get_all_trials(self._study_id, deepcopy=False):
                trial_id = self.get_trial_id_from_study_id_trial_number(self._study_id, trial.number)
                self._trials[trial_id] = trial
            self._stale.clear()
        for trial_id in self._stale & self._trials.keys():
            self.get_trial(trial_id)
        return self._trials.values()


def _as_known(trial: FrozenTrial, horizon: int | None) -> FrozenTrial:
    """Returns what is known of a trial by the results of turns up to `horizon`."""
    legs = read_legs(trial.system_attrs)
    last = legs[-1].turn if legs else trial.number
    is_known = horizon is None or last <= horizon
    if not legs or (is_known and trial.state.is_finished()):
        return trial if is_known else _as_running(trial)
    over = legs if is_at_rest(trial.system_attrs) else legs[:-1]
    rungs = [leg.until for leg in over if leg.until and (horizon is None or leg.turn <= horizon)]
    return _as_pruned(trial, rungs[-1]) if rungs else _as_running(trial)


def _as_pruned(trial: FrozenTrial, epoch: int) -> FrozenTrial:
    pruned = copy(trial)
    pruned.state = TrialState.PRUNED
    pruned.intermediate_values = {at: value for at, value in trial.intermediate_values.items() if at <= epoch}
    pruned.values = [trial.intermediate_values[epoch]]
    pruned.datetime_complete = trial.datetime_start
    return pruned


def _as_running(trial: FrozenTrial) -> FrozenTrial:
    if not trial.state.is_finished():
        return trial
    running = copy(trial)
    running.state = TrialState.RUNNING
    running.values = None
    running.intermediate_values = {}
    return running
