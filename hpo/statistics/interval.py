"""An interval as data: its ends, its level, how it was made.

How one is computed is the business of `signed_rank` and `bootstrap`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from hpo.statistics.equality import exceeds

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An interval that holds the true value with a probability of at least `level`.

    Attributes:
        low, high: Its ends, both in it; None where there is none, infinite where that side has no bound.
        is_without_zero: Whether an end that is 0 is not: among ties a test may reject 0 and nothing beside it.
        method: signed-rank, percentile, or point when resampled data have no spread; none without an interval.
        level: The exact one of a signed-rank interval, never below .95.
    """

    low: float | None
    high: float | None
    method: str
    level: float = LEVEL
    is_without_zero: bool = False

    @property
    def excludes_zero(self) -> bool:
        """Whether there is an interval and 0 is not in it."""
        if self.low is None or self.high is None:
            return False
        return self.is_without_zero or not self.low <= 0 <= self.high

    @property
    def is_bounded(self) -> bool:
        """Whether it has two finite ends."""
        return self.low is not None and self.high is not None and math.isfinite(self.low) and math.isfinite(self.high)

    def is_within(self, size: float) -> bool:
        """Whether it lies inside [-size, size]."""
        return self.low is not None and self.high is not None and not exceeds(max(-self.low, self.high), size)

    def times(self, sign: float) -> Interval:
        """Returns the interval of the same quantity times the sign."""
        if self.low is None or self.high is None or sign > 0:
            return self
        return replace(self, low=0.0 - self.high, high=0.0 - self.low)  # never -0


NO_INTERVAL = Interval(None, None, "none")
