"""Samplers: what proposes params. Each proposal depends on (study seed, trial number, history) alone.

Optuna's own classes, re-seeded per trial so that a study run in ten pieces is the study run in
one; and the grid, which keeps its own ledger of cells.
"""

from __future__ import annotations

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from hpo.config.search import GridConfig, ParamValue, RandomConfig, SamplerConfig, TPEConfig
from hpo.contracts.seeds import derive_seed
from hpo.search.candidates import over_candidates
from hpo.search.finite import Ledger as Ledger  # offered here, too: where samplers are, people look for it
from hpo.search.grid import CellSampler
from hpo.space.space import Space


def build_sampler(config: SamplerConfig, space: Space, seed: int) -> BaseSampler:
    """Returns the sampler that `config` describes; over a space of candidates, one that proposes nothing else.

    Raises:
        ValueError: if a grid is asked for over a param without levels.
    """
    if space.candidates:
        free = RandomConfig() if isinstance(config, GridConfig) else config
        return over_candidates(config, space, seed, _build_free(free, space, seed))
    return _build_free(config, space, seed)


def _build_free(config: SamplerConfig, space: Space, seed: int) -> BaseSampler:
    match config:
        case GridConfig():
            return CellSampler(space.cells(), seed)
        case RandomConfig():
            return SeededRandom(seed)
        case TPEConfig():
            return SeededTPE(config, seed)
    raise ValueError(f"sampler={type(config).__name__} is not one of grid, random, tpe.")


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

    def __init__(self, config: TPEConfig, seed: int) -> None:
        super().__init__(
            n_startup_trials=config.n_startup_trials,
            n_ei_candidates=config.n_ei_candidates,
            multivariate=config.multivariate,
            constant_liar=config.constant_liar,
            seed=seed,
        )
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
