"""Covariance matrix adaptation: an evolution strategy over the numbers of a space that every trial has.

The strategy is that of the package cmaes. Optuna's sampler around it keeps its state as a pickle in the record; here
it follows from the trials, so no pickle is ever loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hpo.config.search import ParamValue
from hpo.contracts.seeds import derive_seed
from hpo.search.notes import note
from hpo.search.samplers import SeededRandom
from hpo.space.space import Param, Space

GENERATION = "hpo:generation"  # system attribute of a trial: which population it belongs to
SIGMA = 1 / 6  # of the unit interval: what Optuna begins with, too


class CMASampler(SeededRandom):
    """CMA-ES (Hansen 2016, arXiv:1604.00772) over the unit cube; choices and params of conditions are drawn at random.

    Args:
        space: What is searched.
        seed: The study's.
        population_size: Trials of a generation; None is 4 + 3 ln d for d numbers.

    Raises:
        ValueError: for a space without a number that every trial has.
    """

    def __init__(self, space: Space, seed: int, *, population_size: int | None) -> None:
        super().__init__(seed)
        self._axes = [param for param in space.params if _is_axis(param)]
        self._population_size = population_size
        if not self._axes:
            raise ValueError(
                "sampler=cmaes searches numbers that every trial has, and this space has choices and conditions alone; "
                "choose another sampler, e.g. sampler=tpe."
            )

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {param.path: param.distribution for param in self._axes}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, ParamValue]:
        from cmaes import CMA

        n = len(self._axes)
        optimizer = CMA(
            mean=np.full(n, 0.5),
            sigma=SIGMA,
            bounds=np.tile([0.0, 1.0], (n, 1)),
            n_max_resampling=10 * n,
            seed=derive_seed(self._seed, trial.number, "cmaes"),
            population_size=self._population_size,
        )
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
        for generation in count():
            members = [other for other in complete if other.system_attrs.get(GENERATION) == generation]
            if len(members) < optimizer.population_size:
                break
            optimizer.tell(self._solutions(members[: optimizer.population_size], sign))
        note(study, trial, GENERATION, optimizer.generation)
        units = optimizer.ask()
        return {param.path: param.from_unit(float(unit)) for param, unit in zip(self._axes, units, strict=True)}

    def _solutions(self, trials: Sequence[FrozenTrial], sign: int) -> list[tuple[np.ndarray, float]]:
        return [
            (np.array([param.to_unit(trial.params[param.path]) for param in self._axes]), sign * trial.values[0])
            for trial in trials
        ]


def _is_axis(param: Param) -> bool:
    is_number = not isinstance(param.distribution, CategoricalDistribution)
    return is_number and param.when is None and not param.distribution.single()
