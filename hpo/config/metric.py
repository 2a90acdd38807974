"""What a study optimises, and which of its values are better.

How a metric is measured is the trainers' business.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum


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


ALWAYS = {"accuracy": Direction.maximize, "macro_f1": Direction.maximize, "valid_loss": Direction.minimize}
"""What every epoch of a text classifier measures, and which values are better."""

OTHERS = dict.fromkeys(["balanced_accuracy", "roc_auc", "average_precision", "mcc", "f1"], Direction.maximize)
"""What is measured where a study optimises it, and by every test."""

KNOWN = {**ALWAYS, **OTHERS}
"""The metrics of text classifiers, and which of their values are better."""


def direction_of(metric: str, direction: Direction | None) -> Direction:
    """Returns which values of `metric` are better: as given, else as is known of it.

    Raises:
        ValueError: if nothing is known of it and nothing is given.
    """
    if direction is None and metric not in KNOWN:
        close = get_close_matches(metric, KNOWN, n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        raise ValueError(
            f"Nothing is known of study.metric={metric}{meant}; "
            "give study.direction=maximize or study.direction=minimize."
        )
    return direction or KNOWN[metric]
