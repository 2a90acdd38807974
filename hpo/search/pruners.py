"""The pruners one can choose: their settings, and how each is built.

Most are Optuna's; asking them is the business of `storage.store`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.config.limits import count, setting
from hpo.config.registry import option
from hpo.config.search import PrunerConfig

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


@option("pruner", "none")
@dataclass
class NoPrunerConfig(PrunerConfig):
    def build(self, *, max_epochs: int) -> BasePruner:
        from optuna.pruners import NopPruner

        return NopPruner()


@option("pruner", "median")
@dataclass
class MedianConfig(PrunerConfig):
    n_startup_trials: int = setting(low=0)
    n_warmup_epochs: int = setting(low=0)

    def build(self, *, max_epochs: int) -> BasePruner:
        from optuna.pruners import MedianPruner

        return MedianPruner(n_startup_trials=self.n_startup_trials, n_warmup_steps=self.n_warmup_epochs + 1)


@option("pruner", "asha")
@dataclass
class AshaConfig(PrunerConfig):
    min_epochs: int = count()
    reduction_factor: int = setting(low=2)

    def build(self, *, max_epochs: int) -> BasePruner:
        from optuna.pruners import SuccessiveHalvingPruner

        return SuccessiveHalvingPruner(
            min_resource=self.min_epochs, reduction_factor=self.reduction_factor, min_early_stopping_rate=0
        )


@option("pruner", "hyperband")
@dataclass
class HyperbandConfig(PrunerConfig):
    min_epochs: int = count()
    max_epochs: int | None = count(None)
    reduction_factor: int = setting(low=2)

    def build(self, *, max_epochs: int) -> BasePruner:
        from optuna.pruners import HyperbandPruner

        return HyperbandPruner(
            min_resource=self.min_epochs,
            max_resource=self.max_epochs or max_epochs,
            reduction_factor=self.reduction_factor,
        )
