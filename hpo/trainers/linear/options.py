"""The settings of the trainer of linear models, and what is refused of them before a study begins.

Fitting is `trainer`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from hpo.config.registry import option
from hpo.trainers.linear.settings import LinearSettings

if TYPE_CHECKING:
    from hpo.config.schema import Config
    from hpo.contracts.trainer import Trainer
    from hpo.space.space import Space

TRAINED_BY = ("train.epochs", "train.class_weights")  # of the section `train`


@option("trainer", "linear")
@dataclass
class LinearConfig(LinearSettings):
    """A linear model of n-grams."""

    def preload(self) -> None:
        import hpo.trainers.linear.trainer  # noqa: F401  # for its imports

    def build(self) -> Trainer:
        from hpo.trainers.linear.trainer import Linear

        return Linear()

    def check(self, config: Config, space: Space) -> None:
        """Refuses params that a linear model does not have. See `TrainerConfig`."""
        names = [field.name for field in fields(self)]
        for path in [*(param.path for param in space.params), *(f"params.{name}" for name in config.params)]:
            section, _, name = path.partition(".")
            if path not in TRAINED_BY and (section != "params" or name not in names):
                raise ValueError(
                    f"{path} is nothing that a linear model has; it has "
                    f"{', '.join([*(f'params.{name}' for name in names), *TRAINED_BY])} (space=linear searches these)."
                )
        if config.model.encoder != "scratch":
            raise ValueError(
                f"model.encoder={config.model.encoder} is what a network starts from, and trainer=linear trains none; "
                "leave it out."
            )
        self.with_params(config.params)
        for param in space.params:
            if param.path.startswith("params."):
                for unit in (0.0, 1.0):
                    self.with_params({param.path.partition(".")[2]: param.from_unit(unit)})
