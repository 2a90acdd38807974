"""What a search is told: configurations to begin with, and beliefs of where good values are.

Every sampler can be told; what it proposes by itself is its own module's business.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from hpo.config.search import ParamValue
from hpo.contracts.records import ENQUEUED, ORIGIN, PRIOR
from hpo.contracts.seeds import derive_seed
from hpo.search.finite import Ledger
from hpo.search.notes import note
from hpo.search.samplers import SeededRandom
from hpo.space.space import Space


class Told(BaseSampler):
    """A sampler whose first trials are given, and some of whose later ones are drawn from the priors of the space.

    Trial n, counted behind those that are given, is a draw from the priors with probability β/(β+n), in the spirit of
    PriorBand (Mallik et al. 2023); params without one are drawn at random. Both depend on the seed and on the trial's
    number alone. What a given configuration leaves out is proposed by the sampler behind.

    Args:
        behind: The sampler.
        space: What is searched.
        first: The configurations to begin with.
        prior_weight: β.
        seed: The study's.
    """

    def __init__(
        self,
        behind: BaseSampler,
        space: Space,
        *,
        first: Sequence[Mapping[str, ParamValue]],
        prior_weight: float,
        seed: int,
    ) -> None:
        self.behind = behind
        self._space = space
        self._first = first
        self._weight = prior_weight if any(param.prior for param in space.params) else 0.0
        self._seed = seed
        self._random = SeededRandom(seed)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        origin = self._origin(trial.number)
        if origin:
            note(study, trial, ORIGIN, origin)
        if origin and isinstance(self.behind, Ledger):
            self.behind.give(study, trial, self._first[trial.number])
        else:
            self.behind.before_trial(study, trial)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        given = self._given(study, trial)
        behind = {} if self._is_whole(given) else self.behind.infer_relative_search_space(study, trial)
        return behind | {p.path: p.distribution for p in self._space.params if p.path in given}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, ParamValue]:
        given = self._given(study, trial)
        if self._is_whole(given):
            return dict(given)
        search_space = self.behind.infer_relative_search_space(study, trial)
        return {**self.behind.sample_relative(study, trial, search_space), **given}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        value: ParamValue = self.behind.sample_independent(study, trial, param_name, param_distribution)
        return value

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self.behind.after_trial(study, trial, state, values)

    def _origin(self, number: int) -> str:
        """Returns who says what trial `number` is; "" if the sampler does."""
        after = number - len(self._first)
        if after < 0:
            return ENQUEUED
        drawn = random.Random(derive_seed(self._seed, number, "is prior")).random()
        return PRIOR if drawn < self._weight / (self._weight + after or 1.0) else ""

    def _given(self, study: optuna.Study, trial: FrozenTrial) -> Mapping[str, ParamValue]:
        """Returns what trial `trial` is told of its params."""
        origin = self._origin(trial.number)
        if origin == ENQUEUED:
            return self._first[trial.number]
        return {} if not origin else self._draw(study, trial)

    def _draw(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, ParamValue]:
        given: dict[str, ParamValue] = {}
        for param in self._space.params:
            if param.prior is not None:
                given[param.path] = param.prior.draw(param, derive_seed(self._seed, trial.number, "prior", param.path))
            elif not param.distribution.single():
                given[param.path] = self._random.sample_independent(study, trial, param.path, param.distribution)
        return given

    def _is_whole(self, given: Mapping[str, ParamValue]) -> bool:
        """Returns whether nothing is left for the sampler to propose."""
        return bool(given) and is_whole(self._space, given)


def is_whole(space: Space, params: Mapping[str, ParamValue]) -> bool:
    """Returns whether `params` have a value for every param that is active with them and has more than one."""
    active = [param for param in space.params if param.is_active(params, space.fixed)]
    return all(param.path in params for param in active if not param.distribution.single())
