"""Quasi-random search: points of a scrambled Sobol sequence, which fill the space more evenly than random ones.

Which settings samplers take is in `options`.
"""

from __future__ import annotations

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import QMCSampler
from optuna.trial import FrozenTrial

from hpo.config.search import ParamValue
from hpo.search.samplers import Seeded
from hpo.space.space import Space


class SobolSampler(Seeded):
    """Trial n gets point n of one sequence over all params, those of conditions included, scrambled by the seed."""

    def __init__(self, space: Space, seed: int) -> None:
        axes = {path: d for path, d in space.distributions().items() if not d.single()}
        super().__init__("qmc", seed, lambda _: _Points(axes, seed))

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        raise AssertionError("Every param has its axis.")


class _Points(QMCSampler):
    """Optuna's sampler with a fixed space, and the trial's number in place of a counter in the study's attributes.

    A counter would be ahead after a driver was killed between two writes.
    """

    def __init__(self, axes: dict[str, BaseDistribution], seed: int) -> None:
        super().__init__(scramble=True, seed=seed)
        self._axes = axes
        self._number = 0

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        self._number = trial.number

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._axes

    def _find_sample_id(self, study: optuna.Study, search_space: dict[str, BaseDistribution]) -> int:
        return self._number
