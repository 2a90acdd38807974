"""Samplers: what proposes params. Each proposal depends on (study seed, trial number, history) alone.

Optuna's own classes, re-seeded per trial so that a study run in ten pieces is the study run in
one. Which settings they take is in `options`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from hpo.config.search import ParamValue, SamplerConfig
from hpo.contracts.seeds import derive_seed
from hpo.search.candidates import over_candidates
from hpo.search.finite import Ledger as Ledger  # offered here, too: where samplers are, people look for it
from hpo.space.space import Space


def build_sampler(config: SamplerConfig, space: Space, seed: int) -> BaseSampler:
    """Returns the sampler that `config` describes; over a space of candidates, one that proposes nothing else.

    Raises:
        ValueError: if a grid is asked for over a param without levels.
    """
    sampler: BaseSampler = over_candidates(config, space, seed) if space.candidates else config.build(space, seed)
    return sampler


class SeededRandom(RandomSampler):
    """Random search whose draw for a param depends on (seed, trial number, param) only."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed=seed)
        self._seed = seed

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        return self.draw(param_name, param_distribution, study, trial, number=trial.number)

    def draw(
        self, name: str, distribution: BaseDistribution, study: optuna.Study, trial: FrozenTrial, *, number: int
    ) -> ParamValue:
        """Returns what trial `number` of random search with this seed has as param `name`."""
        self._rng.rng.seed(derive_seed(self._seed, number, name))
        value: ParamValue = super().sample_independent(study, trial, name, distribution)
        return value


class Seeded(BaseSampler):
    """A sampler of Optuna's that is made anew for every proposal: it remembers nothing but what the study holds.

    So neither fitted kernels nor a generator's state make a study in one piece another than one in ten.

    Args:
        name: The sampler's, part of what its seeds depend on.
        seed: The study's.
        make: Returns the sampler with a seed of its own.
    """

    def __init__(self, name: str, seed: int, make: Callable[[int], BaseSampler]) -> None:
        self._name = name
        self._seed = seed
        self._make = make
        self._sampler: BaseSampler | None = None  # of the trial that is being proposed

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._sampler = self._made(trial.number)
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        assert self._sampler is not None
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, ParamValue]:
        assert self._sampler is not None
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        sampler = self._made(trial.number, param_name)
        value: ParamValue = sampler.sample_independent(study, trial, param_name, param_distribution)
        return value

    def _made(self, number: int, *param: str) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return self._make(derive_seed(self._seed, number, self._name, *param))
