"""Samplers whose proposals are finite in number: the study itself is their ledger.

What they propose is the business of `samplers`, `candidates` and `confirmation`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial


class Ledger(BaseSampler):
    """A sampler with a finite number of proposals, each made once; the trials of the study are its ledger."""

    @abstractmethod
    def n_left(self, trials: Sequence[FrozenTrial]) -> int:
        """Returns how many proposals are still to be made."""
        raise NotImplementedError

    @staticmethod
    def others(study: optuna.Study, trial: FrozenTrial) -> list[FrozenTrial]:
        """Returns all other trials of the study, also those of other brackets, which Hyperband hides from samplers."""
        trials = study._storage.get_all_trials(study._study_id, deepcopy=False)
        return [other for other in trials if other.number != trial.number]
