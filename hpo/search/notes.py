"""What samplers keep of a trial in its study's storage, as those of Optuna do; the one place that knows how.

Through Optuna's own attributes for it, `Study._storage` and `FrozenTrial._trial_id`, which have no public names.
"""

from __future__ import annotations

from typing import Any

import optuna
from optuna.trial import FrozenTrial


def note(study: optuna.Study, trial: FrozenTrial, key: str, value: Any) -> None:
    """Keeps `value`, plain data, with the trial."""
    study._storage.set_trial_system_attr(trial._trial_id, key, value)


def noted(study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
    """Returns what is kept with the trial by now."""
    attrs: dict[str, Any] = study._storage.get_trial_system_attrs(trial._trial_id)
    return attrs


def all_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Returns the trials of the study, not to be changed, also those of other brackets, which Hyperband hides."""
    return study._storage.get_all_trials(study._study_id, deepcopy=False)
