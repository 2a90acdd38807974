"""What a study optimises, and which of its values are better.

How a metric is measured is the trainers' business.
"""

from __future__ import annotations

from enum import Enum, StrEnum


class Direction(StrEnum):
    """Which values of a metric are better."""

    minimize = "minimize"
    maximize = "maximize"

    @property
    def sign(self) -> float:
        """1 when lower is better, -1 when higher is: a value times it is a loss."""
        return 1.0 if self is Direction.minimize else -1.0

    @property
    def better(self) -> str:
        """The word for better values: lower or higher."""
        return "lower" if self is Direction.minimize else "higher"


class Metric(Enum):
    """What a study optimises; the direction follows from it."""

    accuracy = "accuracy"
    macro_f1 = "macro_f1"
    valid_loss = "valid_loss"

    @property
    def direction(self) -> Direction:
        return Direction.minimize if self is Metric.valid_loss else Direction.maximize
