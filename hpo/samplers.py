"""Samplers: what proposes params. Each proposal depends on (study seed, trial number, history) alone.

Optuna's own classes, re-seeded per trial so that a study run in ten pieces is the study run in
one; and the grid, which keeps its own ledger of cells.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from hpo.candidates import over_candidates
from hpo.ledger import Ledger as Ledger  # offered here, too: where samplers are, people look for it
from hpo.search_config import GridConfig, RandomConfig, SamplerConfig, TPEConfig
from hpo.seeds import derive_seed
from hpo.space import Space, canonical
from hpo.trainer import ParamValue, Reason

CELL = "hpo:cell"  # system attribute: the cell a trial of the grid was given
REASON = "reason"  # user attribute: why a trial failed


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


class CellSampler(Ledger):
    """Visits every cell of a grid once, in an order shuffled by the seed.

    The ledger is the study itself: a cell is taken by the trial that was given it, so neither
    several workers, nor another seed, nor a grid extended later visits a cell twice. A cell
    whose trial failed for a reason that may pass (anything but divergence) is offered once more,
    after all others.
    """

    def __init__(self, cells: Sequence[Mapping[str, ParamValue]], seed: int) -> None:
        self.cells = {canonical(cell): dict(cell) for cell in cells}
        order = sorted(self.cells)
        random.Random(derive_seed(seed, "grid")).shuffle(order)
        self._order = order
        self._given: dict[int, dict[str, ParamValue]] = {}

    def n_left(self, trials: Sequence[FrozenTrial]) -> int:
        """Returns how many cells are still to be given out."""
        return len(self._open(trials))

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        cell = trial.system_attrs.get(CELL)
        if cell is None:
            still_open = self._open(self.others(study, trial))
            if not still_open:
                raise RuntimeError("every cell of the grid has its trial; ask `n_left` first")
            cell = still_open[0]
            study._storage.set_trial_system_attr(trial._trial_id, CELL, cell)
        self._given = {trial.number: json.loads(cell)}

    def _open(self, trials: Sequence[FrozenTrial]) -> list[str]:
        taken: dict[str, int] = {}
        for trial in trials:
            cell = trial.system_attrs.get(CELL)
            if cell is not None:
                may_pass = trial.state == TrialState.FAIL and trial.user_attrs.get(REASON) != Reason.DIVERGED.value
                taken[cell] = taken.get(cell, 0) + (1 if may_pass else 2)
        return [c for c in self._order if c not in taken] + [c for c in self._order if taken.get(c) == 1]

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, ParamValue]:
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        return self._given[trial.number][param_name]
