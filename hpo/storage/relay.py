"""A storage of Optuna's before another one, every call by its name: what asks again, remembers or hides begins with it.

What each of those does is the business of `enduring` and `views`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Any, ParamSpec, TypeVar

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

P = ParamSpec("P")
T = TypeVar("T")


class Relay(BaseStorage):
    """Passes every call on to the storage behind.

    Subclasses say how a call is made (`_read`, `_write`, `_write_trial`), or answer one themselves. What is not here,
    Optuna's base class derives from what is.
    """

    def __init__(self, behind: BaseStorage) -> None:
        self._behind = behind

    def _read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)

    def _write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return call(*args, **kwargs)

    def _write_trial(self, call: Callable[..., T], trial_id: int, *args: object) -> T:
        return self._write(call, trial_id, *args)

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        return self._write(self._behind.create_new_study, directions, study_name)

    def delete_study(self, study_id: int) -> None:
        self._write(self._behind.delete_study, study_id)

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._write(self._behind.set_study_user_attr, study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._write(self._behind.set_study_system_attr, study_id, key, value)

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._read(self._behind.get_study_id_from_name, study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        return self._read(self._behind.get_study_name_from_id, study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._read(self._behind.get_study_directions, study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._read(self._behind.get_study_user_attrs, study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._read(self._behind.get_study_system_attrs, study_id)

    def get_all_studies(self) -> list[Any]:
        return self._read(self._behind.get_all_studies)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        return self._write(self._behind.create_new_trial, study_id, template_trial)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        self._write_trial(self._behind.set_trial_param, trial_id, param_name, param_value_internal, distribution)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        return self._write_trial(self._behind.set_trial_state_values, trial_id, state, values)

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        self._write_trial(self._behind.set_trial_intermediate_value, trial_id, step, intermediate_value)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._write_trial(self._behind.set_trial_user_attr, trial_id, key, value)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._write_trial(self._behind.set_trial_system_attr, trial_id, key, value)

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        return self._read(self._behind.get_trial_id_from_study_id_trial_number, study_id, trial_number)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._read(self._behind.get_trial, trial_id)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return self._read(self._behind.get_all_trials, study_id, deepcopy, states)
