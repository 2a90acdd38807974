"""One study as its driver's samplers and pruners see it: remembered, told in order, compared with what is comparable.

How the record is asked and written is the business of what is behind: see `enduring`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence, ValuesView
from contextlib import contextmanager
from copy import copy
from copy import deepcopy as copy_deeply
from datetime import datetime
from itertools import chain
from typing import Any, TypeVar

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from hpo.storage.record import is_at_rest, read_legs
from hpo.storage.relay import Relay
from hpo.storage.transaction import Transactions, TrialWrites

T = TypeVar("T")
NEW = -1  # the id of a trial that is not written yet


class StudyView(Relay):
    """The storage of one study that its driver alone writes.

    It remembers the trials, and what was written to them together; what one became by any other write is read back.

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
        self._ids: dict[int, int] = {}  # by number, of the trials that are remembered
        self._event: TrialWrites | None = None  # what is written together
        self._is_event = False
        self._can_write_together = hasattr(behind, "write_together")
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

    @contextmanager
    def together(self) -> Iterator[None]:
        """Writes what is written to one trial within in one transaction, if the storage can; a new one, too.

        What was noted within is seen at once, and is gone if an exception leaves it.

        Raises:
            NumberTaken: if somebody else has put a trial where the new one was to be; ask again.
        """
        if not self._can_write_together or self._is_event:
            yield
            return
        self._is_event = True
        try:
            yield
            self._write_event()
        except BaseException:
            self._forget_event()
            raise
        finally:
            self._event, self._is_event = None, False

    def _write_event(self) -> None:
        event = self._event
        if event is None or event.is_empty:
            return
        behind: Transactions = self._behind  # type: ignore[assignment]  # looked at by `together`
        trial_id = behind.write_together(event)
        if event.trial_id is None:
            del self._trials[NEW]
            event.trial._trial_id = trial_id
        self._remember(trial_id, event.trial)

    def _forget_event(self) -> None:
        if self._event is None:
            return
        if self._event.trial_id is None:
            self._trials.clear()  # it may have reached the storage
            self._ids.clear()
        else:
            self._stale.add(self._event.trial_id)

    def _noted(self, trial_id: int) -> TrialWrites | None:
        """Returns where what is written to a trial is noted, to be written together; None if it is written at once."""
        if not self._is_event:
            return None
        if self._event is None:
            self._remembered()
            self._event = TrialWrites(self._study_id, self.get_trial(trial_id), trial_id)
            self._trials[trial_id] = self._event.trial
        is_its = trial_id == (NEW if self._event.trial_id is None else self._event.trial_id)
        return self._event if is_its else None

    def _remember(self, trial_id: int, trial: FrozenTrial) -> None:
        self._trials[trial_id] = trial
        self._ids[trial.number] = trial_id

    def delete_study(self, study_id: int) -> None:
        super().delete_study(study_id)
        self._trials.clear()
        self._ids.clear()

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        if study_id == self._study_id and trial_number in self._ids:
            return self._ids[trial_number]
        return super().get_trial_id_from_study_id_trial_number(study_id, trial_number)

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
            self._remember(trial_id, super().get_trial(trial_id))
            self._stale.discard(trial_id)
        return self._trials[trial_id]

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        if self._is_event and study_id == self._study_id and template_trial is None:
            return self._begin_trial()
        trial_id = super().create_new_trial(study_id, template_trial)
        if study_id == self._study_id and self._trials:
            trial = super().get_trial(trial_id)
            if trial.number == len(self._trials):
                self._remember(trial_id, trial)
            else:  # somebody else has put a trial there
                self._trials.clear()
                self._ids.clear()
        return trial_id

    def _begin_trial(self) -> int:
        """Notes a new trial, which has no id before all of it is written."""
        number = len(self._remembered())
        blank = FrozenTrial(
            number=number,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.now(),
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
            trial_id=NEW,
        )
        self._event = TrialWrites(self._study_id, blank, None)
        self._remember(NEW, self._event.trial)
        return NEW

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        event = self._noted(trial_id)
        if event is None:
            super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
        else:
            event.set_param(param_name, param_value_internal, distribution)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        event = self._noted(trial_id) if state.is_finished() else None
        if event is None:
            return super().set_trial_state_values(trial_id, state, values)
        event.end(state, values)
        return True

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        event = self._noted(trial_id)
        if event is None:
            super().set_trial_intermediate_value(trial_id, step, intermediate_value)
        else:
            event.set_step(step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        event = self._noted(trial_id)
        if event is None:
            super().set_trial_user_attr(trial_id, key, value)
        else:
            event.set_user_attr(key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if self._notes is not None:
            self._notes[key] = value
            return
        event = self._noted(trial_id)
        if event is None:
            super().set_trial_system_attr(trial_id, key, value)
        else:
            event.set_system_attr(key, value)

    def _write_trial(self, call: Callable[..., T], trial_id: int, *args: object) -> T:
        self._stale.add(trial_id)  # also when it fails: it may have reached the storage
        return super()._write_trial(call, trial_id, *args)

    def _remembered(self) -> ValuesView[FrozenTrial]:
        if not self._trials:
            for trial in super().get_all_trials(self._study_id, deepcopy=False):
                trial_id = self.get_trial_id_from_study_id_trial_number(self._study_id, trial.number)
                self._remember(trial_id, trial)
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
