"""The samplers one can choose: their settings, what is to be said of each, and how it is built.

What a sampler proposes is the business of the module of its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hpo.config.limits import MISSING, setting
from hpo.config.registry import option
from hpo.config.search import SamplerConfig

if TYPE_CHECKING:
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


@option("sampler", "qmc")
@dataclass
class QMCConfig(SamplerConfig):
    def build(self, space: Space, seed: int) -> BaseSampler:
        from hpo.search.qmc import SobolSampler

        return SobolSampler(space, seed)


@option("sampler", "tpe")
@dataclass
class TPEConfig(SamplerConfig):
    n_startup_trials: int = setting(low=0)
    n_ei_candidates: int = setting(low=1, high=100_000)
    multivariate: bool = MISSING
    group: bool = MISSING
    constant_liar: bool = MISSING

    learns_from_others = True

    def build(self, space: Space, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        from hpo.search.samplers import Seeded, SeededRandom

        if self.group and not self.multivariate:
            raise ValueError(
                "sampler.group=true draws the params of a group together, which sampler.multivariate=false forbids; "
                "set one of them otherwise."
            )

        def make(drawn: int) -> TPESampler:
            sampler = TPESampler(seed=drawn, **asdict(self))
            sampler._random_sampler = SeededRandom(seed)  # its first trials are those of random search
            return sampler

        return Seeded("tpe", seed, make)


@option("sampler", "gradient")
@dataclass
class GradientConfig(SamplerConfig):
    dropout: bool = MISSING
    halving: int | None = setting(None, low=2)

    is_random = True

    def settled(self, config: Any, space: Space) -> Any:
        from hpo.search.gradient import with_gradients

        return with_gradients(config, space, dropout=self.dropout, halving=self.halving)

    def build(self, space: Space, seed: int) -> BaseSampler:
        from hpo.search.gradient import RestartSampler

        return RestartSampler(space, seed)


@option("sampler", "gp")
@dataclass
class GPConfig(SamplerConfig):
    n_startup_trials: int = setting(low=1)
    deterministic_objective: bool = MISSING

    learns_from_others = True

    def build(self, space: Space, seed: int) -> BaseSampler:
        from hpo.search.gp import Gaussian
        from hpo.search.samplers import Seeded, SeededRandom

        def make(drawn: int) -> BaseSampler:
            start = SeededRandom(seed)  # its first trials are those of random search
            return Gaussian(seed=drawn, independent_sampler=start, warn_independent_sampling=False, **asdict(self))

        return Seeded("gp", seed, make)

    def notes(self, config: Any) -> Iterator[str]:
        yield from _complete_alone(self, config)


@option("sampler", "cmaes")
@dataclass
class CMAESConfig(SamplerConfig):
    population_size: int | None = setting(None, low=4, high=10_000)

    def build(self, space: Space, seed: int) -> BaseSampler:
        from hpo.search.cmaes import CMASampler

        return CMASampler(space, seed, population_size=self.population_size)

    def notes(self, config: Any) -> Iterator[str]:
        yield from _complete_alone(self, config)


@option("sampler", "nsga2")
@dataclass
class NSGA2Config(SamplerConfig):
    population_size: int = setting(low=2, high=10_000)
    mutation_prob: float | None = setting(None, low=0, high=1)
    crossover_prob: float = setting(low=0, high=1)
    swapping_prob: float = setting(low=0, high=1)

    def build(self, space: Space, seed: int) -> BaseSampler:
        from hpo.search.nsga2 import Genetic
        from hpo.search.samplers import Seeded

        return Seeded("nsga2", seed, lambda drawn: Genetic(drawn, start=seed, **asdict(self)))

    def notes(self, config: Any) -> Iterator[str]:
        n = self.population_size
        some = config.study.n_trials is not None and config.study.n_trials <= n
        all_of = f", so all {config.study.n_trials} trials of this study are" if some else ""
        yield (
            f"sampler=nsga2 is random search until its first population of {n} trials is complete{all_of}; "
            "sampler.population_size=… changes it."
        )
        yield from _complete_alone(self, config)


@option("sampler", "spsa")
@dataclass
class SPSAConfig(SamplerConfig):
    n_startup_trials: int = setting(low=1)
    step: float = setting(above=0, high=1)
    width: float = setting(above=0, below=0.5)
    patience: int = setting(low=1)

    learns_from_others = True

    def build(self, space: Space, seed: int) -> BaseSampler:
        from hpo.search.spsa import SPSASampler

        return SPSASampler(space, seed, **asdict(self))

    def seed_number(self, number: int) -> int:
        """Returns the first of a pair: both of its trials train with one seed, so that the params alone differ."""
        after = number - self.n_startup_trials
        return number - after % 2 if after >= 0 else number

    def notes(self, config: Any) -> Iterator[str]:
        yield from _complete_alone(self, config)


def _complete_alone(sampler: SamplerConfig, config: Any) -> Iterator[str]:
    """Says of a sampler that pruned trials teach nothing, where there may be any."""
    if config.pruner.option != "none":
        yield (
            f"sampler={sampler.option} learns from complete trials alone: those that pruner={config.pruner.option} "
            "stops teach it nothing, nor do failed ones."
        )
