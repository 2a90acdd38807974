"""Bayesian search by a Gaussian process: Optuna's sampler, and what of a proposal was noted before its driver died.

Which settings samplers take is in `options`.
"""

from __future__ import annotations

import json
from itertools import count, takewhile
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import GPSampler
from optuna.trial import FrozenTrial

NOTED = "gp:relative_params"  # system attributes of a trial: Optuna's own, pieces of a JSON text


class Gaussian(GPSampler):
    """A Gaussian process that proposes for a trial what it has proposed for it before.

    Optuna would take the trial itself for one that runs beside it, and keep away from where it is.
    """

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        pieces = takewhile(bool, (trial.system_attrs.get(f"{NOTED}:{i}") for i in count()))
        if text := "".join(map(str, pieces)):
            noted: dict[str, Any] = json.loads(text)
            return noted
        return super().sample_relative(study, trial, search_space)
