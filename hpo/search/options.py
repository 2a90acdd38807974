"""The samplers and pruners one can choose: their settings, and how each is built.

What a sampler proposes is the business of `samplers`, `grid` and `candidates`; most pruners are Optuna's.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from hpo.config.limits import MISSING, count, setting
from hpo.config.registry import option
from hpo.config.search import PrunerConfig, SamplerConfig

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    from hpo.space.space import Space


@option("sampler", "grid")
@dataclass
class GridConfig(SamplerConfig):
    is_grid = True
    is_random = True

    def build(self, space: Space, seed: int) -> BaseSampler:
        from hpo.search.grid import CellSampler

        return CellSampler(space.cells(), seed)


@option("sampler", "random")
@dataclass
class RandomConfig(SamplerConfig):
    is_random = True

    def build(self, space: Space, seed: int) -> BaseSampler:
        from hpo.search.samplers import SeededRandom

        return SeededRandom(seed)


@option("sampler", "tpe")
@dataclass
class TPEConfig(SamplerConfig):
    n_startup_trials: int = setting(low=0)
    n_ei_candidates: int = setting(low=1, high=100_000)
    multivariate: bool = MISSING
    constant_liar: bool = MISSING

    def build(self, space: Space, seed: int) -> BaseSampler:
        from hpo.search.samplers import SeededTPE

        return SeededTPE(seed, **asdict(self))


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
