"""The settings of the trainer of linear models, and what is refused of them before a study begins.

Fitting is `trainer`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from hpo.config.limits import MISSING, check_limits, count, setting
from hpo.config.registry import option
from hpo.config.schema import TrainerConfig
from hpo.config.search import ParamValue

if TYPE_CHECKING:
    from hpo.config.schema import Config
    from hpo.contracts.trainer import Trainer
    from hpo.space.space import Space

TRAINED_BY = ("train.epochs", "train.class_weights")  # of the section `train`


class Weighting(Enum):
    """What a regression sees of an n-gram: its tf-idf, that times the log ratio of naive Bayes, or the mean of both."""

    idf = "idf"
    nb = "nb"
    both = "both"


@option("trainer", "linear")
@dataclass
class LinearConfig(TrainerConfig):
    """A linear model of n-grams; each setting is searched, or given for a single trial, as `params.` and its name."""

    words: int = setting(low=1, high=4)
    chars: int = setting(low=0, high=8)
    min_df: int = count()
    weighting: Weighting = MISSING
    C: float = setting(above=0)

    reads_texts = True

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

    def with_params(self, params: Mapping[str, Any]) -> LinearConfig:
        """Returns the settings of a trial with these params, each by its name.

        Raises:
            ValueError: If one is not of its setting's type or range.
        """
        settings = replace(self, **dict(_converted(params)))
        try:
            check_limits(settings)
        except ValueError as error:
            raise ValueError(f"params.{error}") from None
        return settings


def _converted(params: Mapping[str, ParamValue]) -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        match name:
            case "weighting" if isinstance(value, Weighting) or value in Weighting.__members__:
                yield name, value if isinstance(value, Weighting) else Weighting[str(value)]
            case "C" if is_number:
                yield name, float(value)  # type: ignore[arg-type]  # a number
            case "words" | "chars" | "min_df" if is_number and float(value).is_integer():  # type: ignore[arg-type]
                yield name, int(value)  # type: ignore[arg-type]  # a number
            case _:
                allowed = {"weighting": f"one of {', '.join(Weighting.__members__)}", "C": "a number"}
                raise ValueError(f"params.{name}={value!r} must be {allowed.get(name, 'a whole number')}.")
