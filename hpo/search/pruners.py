"""The pruners one can choose: their settings, and how each is built.

Most are Optuna's; asking them is the business of `storage.store`.
"""

from __future__ import annotations

import warnings
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

    percentile = 50.0

    @property
    def first_epoch(self) -> tuple[int, str]:
        return self.n_warmup_epochs + 1, "n_warmup_epochs"

    def build(self, *, max_epochs: int) -> BasePruner:
        from optuna.pruners import PercentilePruner

        n_startup, n_warmup = self.n_startup_trials, self.n_warmup_epochs + 1
        return PercentilePruner(self.percentile, n_startup_trials=n_startup, n_warmup_steps=n_warmup)


@option("pruner", "percentile")
@dataclass
class PercentileConfig(MedianConfig):
    percentile: float = setting(above=0, below=100)


@option("pruner", "patient")
@dataclass
class PatientConfig(PrunerConfig):
    patience: int = count()
    min_delta: float = setting(low=0)

    @property
    def first_epoch(self) -> tuple[int, str]:
        return self.patience + 2, "patience"

    def build(self, *, max_epochs: int) -> BasePruner:
        from optuna.exceptions import ExperimentalWarning
        from optuna.pruners import PatientPruner

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return PatientPruner(None, patience=self.patience, min_delta=self.min_delta)


@option("pruner", "threshold")
@dataclass
class ThresholdConfig(PrunerConfig):
    lower: float | None = None
    upper: float | None = None
    n_warmup_epochs: int = setting(low=0)

    @property
    def first_epoch(self) -> tuple[int, str]:
        return self.n_warmup_epochs + 1, "n_warmup_epochs"

    def check(self, *, max_epochs: int, are_equal: bool) -> None:
        if self.lower is None and self.upper is None:
            raise ValueError(
                "pruner=threshold stops trials whose metric leaves a range, and none is given; "
                "give pruner.lower, pruner.upper, or both."
            )
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(
                f"pruner.lower={self.lower:g} is above pruner.upper={self.upper:g}, so every trial would be stopped; "
                "swap them or leave one out."
            )

    def build(self, *, max_epochs: int) -> BasePruner:
        from optuna.pruners import ThresholdPruner

        return ThresholdPruner(lower=self.lower, upper=self.upper, n_warmup_steps=self.n_warmup_epochs + 1)


@option("pruner", "asha")
@dataclass
class AshaConfig(PrunerConfig):
    min_epochs: int = count()
    reduction_factor: int = setting(low=2)

    @property
    def first_epoch(self) -> tuple[int, str]:
        return self.min_epochs, "min_epochs"

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

    @property
    def first_epoch(self) -> tuple[int, str]:
        return self.min_epochs, "min_epochs"

    def check(self, *, max_epochs: int, are_equal: bool) -> None:
        longest = self.max_epochs or max_epochs
        if self.min_epochs > longest:
            what = "pruner.max_epochs" if self.max_epochs else "the longest trial's train.epochs"
            raise ValueError(
                f"pruner.min_epochs={self.min_epochs} is above {what}={longest}, which leaves hyperband no bracket; "
                "give fewer, or raise the other."
            )

    def build(self, *, max_epochs: int) -> BasePruner:
        from optuna.pruners import HyperbandPruner

        return HyperbandPruner(
            min_resource=self.min_epochs,
            max_resource=self.max_epochs or max_epochs,
            reduction_factor=self.reduction_factor,
        )
