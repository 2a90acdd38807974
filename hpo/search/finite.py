"""Samplers whose proposals are finite in number: the study itself is their ledger.

What they propose is the business of `grid`, `candidates` and of studies beside a search. Here alone is known how a
sampler reaches the record: Optuna offers samplers no public way to write into it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from hpo.config.search import ParamValue
from hpo.search.notes import all_trials, note


class Ledger(BaseSampler):
    """A sampler with a finite number of proposals, each made once; the trials of the study are its ledger.

    A proposal is noted with its trial before anything else, so neither several workers nor another driver
    make it again.

    Attributes:
        key: System attribute of a trial: which proposal it was given, as JSON.
    """

    key: ClassVar[str]

    @abstractmethod
    def n_left(self, trials: Sequence[FrozenTrial]) -> int:
        """Returns how many proposals are still to be made."""
        raise NotImplementedError

    @abstractmethod
    def choose(self, study: optuna.Study, trial: FrozenTrial, others: Sequence[FrozenTrial]) -> Any:
        """Returns the proposal for `trial`, as JSON, given all other trials of the study."""
        raise NotImplementedError

    @abstractmethod
    def params_of(self, proposal: Any) -> Mapping[str, ParamValue]:
        """Returns the params of a proposal that was noted."""
        raise NotImplementedError

    def proposal_of(self, params: Mapping[str, ParamValue]) -> Any:
        """Returns the proposal that has these params; None if there is none."""
        return None

    def give(self, study: optuna.Study, trial: FrozenTrial, params: Mapping[str, ParamValue]) -> None:
        """Notes that `trial` has params that somebody else chose, so that they are not proposed again."""
        proposal = self.proposal_of(params)
        if proposal is not None:
            note(study, trial, self.key, proposal)

    def proposals(self, trials: Sequence[FrozenTrial]) -> list[Any]:
        """Returns which proposals `trials` were given."""
        return [trial.system_attrs[self.key] for trial in trials if self.key in trial.system_attrs]

    def propose(self, study: optuna.Study, trial: FrozenTrial) -> Any:
        """Returns the proposal of `trial`, chosen and noted now if it has none yet."""
        noted = trial.system_attrs.get(self.key)
        if noted is not None:
            return noted
        proposal = self.choose(study, trial, _others(study, trial))
        note(study, trial, self.key, proposal)
        return proposal

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self.propose(study, trial)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, ParamValue]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        return self.params_of(trial.system_attrs[self.key])[param_name]


def _others(study: optuna.Study, trial: FrozenTrial) -> list[FrozenTrial]:
    """Returns all other trials of the study, also those of other brackets, which Hyperband hides from samplers."""
    trials = all_trials(study)
    return [other for other in trials if other.number != trial.number]
