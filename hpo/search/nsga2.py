"""Genetic search: Optuna's NSGA-II, whose parents follow from the trials alone.

Which settings samplers take is in `options`.
"""

from __future__ import annotations

from typing import Any

import optuna
from optuna.samplers import NSGAIISampler
from optuna.trial import FrozenTrial

from hpo.search.samplers import SeededRandom


class Genetic(NSGAIISampler):
    """NSGA-II that selects the parents of a generation anew whenever it is asked.

    Optuna keeps them in the study by the ids that their trials have in one storage; a copy of the study has others.

    Args:
        seed: Of this proposal.
        start: The study's: trials of the first generation are those of random search.
        settings: Those of Optuna's sampler.
    """

    def __init__(self, seed: int, *, start: int, **settings: Any) -> None:
        super().__init__(seed=seed, **settings)
        self._random_sampler = SeededRandom(start)

    def get_parent_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        parents: list[FrozenTrial] = []
        for earlier in range(generation):
            parents = self._elite_population_selection_strategy(study, [*self.get_population(study, earlier), *parents])
        return sorted(parents, key=lambda trial: trial.number)
