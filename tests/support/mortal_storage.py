"""A storage that dies as a killed driver does, and what a study must be equal in afterwards."""

from __future__ import annotations

from typing import Any

import optuna

from hpo.contracts.records import TrialRecord
from hpo.space.space import canonical


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the program may catch it."""


class MortalStorage:
    """A storage that dies before its n-th write, as if the driver had been killed there."""

    WRITES = ("create_new_trial", "set_trial_param", "set_trial_system_attr", "set_trial_user_attr")
    WRITES += (
        "write_together",
        "set_trial_intermediate_value",
        "set_trial_state_values",
        "set_study_system_attr",
        "set_study_user_attr",
    )

    def __init__(self, storage: optuna.storages.BaseStorage, writes_to_live: int | None) -> None:
        self._storage = storage
        self._left = writes_to_live

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._storage, name)
        if name in self.WRITES and self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Killed(name)
        return found


def facts(trials: list[TrialRecord]) -> list[tuple[object, ...]]:
    """What must not depend on when a driver was killed: all but clocks, attempts and speed."""
    keys = ("train_loss", "valid_loss", "accuracy", "macro_f1")
    return [
        (t.number, t.state, canonical(t.params), t.value, t.seed, [[e.metrics[k] for k in keys] for e in t.epochs])
        for t in trials
    ]
