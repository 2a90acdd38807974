"""Samplers: what proposes params. Each proposal depends on (study seed, trial number, history) alone.

Optuna's own classes, re-seeded per trial so that a study run in ten pieces is the study run in
one. Which settings they take is in `options`.
"""

from __future__ import annotations

from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
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
        self._rng.rng.seed(derive_seed(self._seed, trial.number, param_name))
        value: ParamValue = super().sample_independent(study, trial, param_name, param_distribution)
        return value


class SeededTPE(TPESampler):
    """Optuna's TPE, re-seeded before every trial; its start-up trials equal SeededRandom's."""

    def __init__(self, seed: int, **settings: Any) -> None:
        super().__init__(seed=seed, **settings)
        self._seed = seed
        self._random_sampler = SeededRandom(seed)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._rng.rng.seed(derive_seed(self._seed, trial.number, "tpe"))
        super().before_trial(study, trial)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        self._rng.rng.seed(derive_seed(self._seed, trial.number, "tpe", param_name))
        value: ParamValue = super().sample_independent(study, trial, param_name, param_distribution)
        return value
