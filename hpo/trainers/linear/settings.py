"""What a linear model is made of: the settings of its trainer, and those of a trial.

What is refused before a study begins is `options`'s business, fitting is `trainer`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Self

from hpo.config.limits import MISSING, check_limits, count, setting
from hpo.config.schema import TrainerConfig
from hpo.config.search import ParamValue


class Weighting(Enum):
    """What a regression sees of an n-gram: its tf-idf, that times the log ratio of naive Bayes, or the mean of both."""

    idf = "idf"
    nb = "nb"
    both = "both"


@dataclass
class LinearSettings(TrainerConfig):
    """N-grams and their regression; each is searched, or given for a single trial, as `params.` and its name."""

    words: int = setting(low=1, high=4)
    chars: int = setting(low=0, high=8)
    min_df: int = count()
    weighting: Weighting = MISSING
    C: float = setting(above=0)

    reads_texts = True

    def with_params(self, params: Mapping[str, Any]) -> Self:
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
