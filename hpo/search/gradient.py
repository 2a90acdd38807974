"""Gradient-based search: restarts, whose learning rate and dropout move while they train.

Where each begins is said here; how it moves is the trainer's business (`trainers.awd_lstm.hypergradient`), and which of
them go on is the pruner's: that of successive halving, unless another is chosen.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial

from hpo.config.schema import Config
from hpo.config.search import ParamValue
from hpo.config.training import LrAdapt, Schedule
from hpo.contracts.seeds import derive_seed
from hpo.search.pruners import AshaConfig
from hpo.search.samplers import SeededRandom
from hpo.space.space import Space, values_of

EPOCHS, LR, DROP_MULT = "train.epochs", "train.lr", "model.drop_mult"
N_COMBINATIONS = 1000  # more of them are drawn, not visited in turn


def with_gradients(config: Config, space: Space, *, dropout: bool, halving: int | None) -> Config:
    """Returns the settings under which the learning rate moves while trials train, and dropout if that is asked for.

    Args:
        config: All settings.
        space: What is searched.
        dropout: Whether dropout moves, too.
        halving: At each rung the best 1/halving of the trials go on, unless a pruner was chosen; None lets all of them.

    Raises:
        ValueError: in a sentence, if nothing could move.
    """
    if not config.trainer.needs_torch:
        raise ValueError(
            f"sampler=gradient moves the learning rate inside the training of trainer=awd_lstm; trainer="
            f"{config.trainer.option} trains by itself: choose another sampler, as in sampler=tpe."
        )
    if LR not in {param.path for param in space.params}:
        raise ValueError(f"sampler=gradient searches {LR}, which is not in the space; give it a range there.")
    if config.train.lr_adapt is LrAdapt.prodigy:
        raise ValueError("sampler=gradient moves the learning rate by its gradient; leave out train.lr_adapt=prodigy.")
    drop = space.bounds(DROP_MULT) if dropout else None
    train = replace(
        config.train,
        lr_adapt=LrAdapt.hypergradient,
        schedule=Schedule.flat,
        drop_bounds=config.train.drop_bounds or drop,
    )
    pruner = config.pruner
    if halving is not None and pruner.option == "none":
        pruner = AshaConfig(same_epochs=False, min_epochs=1, reduction_factor=halving)
    return replace(config, train=train, pruner=pruner)


class RestartSampler(SeededRandom):
    """Proposes where runs begin: every restart once with each combination of what no gradient reaches.

    Real numbers of restart r are those of random search's trial r with the same seed, so it begins where that one
    looks. Choices and whole numbers (hidden sizes) are enumerated, in an order drawn by the seed; every run has as many
    epochs as a trial may have, as the pruner ends the worse ones. Depends on (seed, trial number) alone.
    """

    def __init__(self, space: Space, seed: int) -> None:
        super().__init__(seed)
        listed = {
            param.path: values_of(space, param.path, None)
            for param in space.params
            if param.path != EPOCHS
            and param.when is None
            and isinstance(param.distribution, CategoricalDistribution | IntDistribution)
        }
        combinations = itertools.islice(itertools.product(*listed.values()), N_COMBINATIONS + 1)
        self._combinations = [dict(zip(listed, values, strict=True)) for values in combinations]
        if len(self._combinations) > N_COMBINATIONS:
            self._combinations = [{}]
        random.Random(derive_seed(seed, "gradient")).shuffle(self._combinations)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> ParamValue:
        if param_name == EPOCHS and isinstance(param_distribution, IntDistribution):
            return int(param_distribution.high)
        restart, number = divmod(trial.number, len(self._combinations))
        combination: Mapping[str, Any] = self._combinations[number]
        if param_name in combination:
            value: ParamValue = combination[param_name]
            return value
        return self.draw(param_name, param_distribution, study, trial, number=restart)
