"""What somebody believes of a param before the search: where its best value is, and how sure that is.

When a proposal is drawn from it is `search.told`'s business.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hpo.config.search import ParamValue

WIDEST = 0.5  # of the range: the standard deviation of a belief without any confidence


class Dimension(Protocol):
    """What a belief is about: a `space.Param`."""

    @property
    def choices(self) -> tuple[ParamValue, ...] | None: ...

    def to_unit(self, value: ParamValue) -> float: ...

    def from_unit(self, unit: float) -> ParamValue: ...


@dataclass(frozen=True)
class Prior:
    """A belief: a normal distribution on the param's own scale, cut at its bounds, or the odds of a choice.

    Attributes:
        centre: The value that is thought best.
        confidence: Above 0 and below 1. The standard deviation is (1 - confidence) / 2 of the range; of choices the
            centre has that probability, and what is left is shared by all.
    """

    centre: ParamValue
    confidence: float

    def draw(self, param: Dimension, seed: int) -> ParamValue:
        """Returns a value of `param`, drawn with a generator that begins at `seed`."""
        generator = random.Random(seed)
        if param.choices is not None:
            is_centre = generator.random() < self.confidence
            return self.centre if is_centre else generator.choice(param.choices)
        place = param.to_unit(self.centre)
        unit = -1.0
        while not 0.0 <= unit <= 1.0:  # at most two draws of three are outside: the place is not
            unit = generator.gauss(place, WIDEST * (1 - self.confidence))
        return param.from_unit(unit)

    def __str__(self) -> str:
        return f"{self.centre!r} with confidence {self.confidence:g}"


def read_prior(where: str, entry: Mapping[str, Any]) -> tuple[ParamValue, float] | None:
    """Returns the centre, not yet checked, and the confidence of a prior as written in a space file; None without one.

    Raises:
        ValueError: if that is no prior.
    """
    if not entry:
        return None
    confidence = entry.get("confidence")
    is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if set(entry) != {"centre", "confidence"} or not is_number or not 0 < float(str(confidence)) < 1:
        raise ValueError(
            f"{where}.prior must be {{centre: <value>, confidence: <above 0 and below 1>}}; given was {dict(entry)}."
        )
    return entry["centre"], float(str(confidence))
