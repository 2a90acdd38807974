"""Shares: so many of so many, and the interval in which the true share lies.

What is counted is the sections' business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """`k` of `n`."""

    k: int
    n: int

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """The exact 95 % interval (Clopper & Pearson 1934); none of nothing."""
        if not self.n:
            return None, None
        from scipy import stats  # which takes a second that those who need two shares alone do not have

        found = stats.binomtest(self.k, self.n).proportion_ci(method="exact")
        return float(found.low), float(found.high)

    @property
    def cells(self) -> list[str | float | None]:
        """The cells below `share_columns`."""
        return [f"{self.k}/{self.n}" if self.n else None, self.value, *self.interval]

    @property
    def numbers(self) -> dict[str, float | None]:
        low, high = self.interval
        return {"k": self.k, "n": self.n, "share": self.value, "low": low, "high": high}


Z = 1.959963984540054  # the normal quantile of .975


def difference_interval(first: float, second: float, n: int) -> tuple[float, float]:
    """Returns the 95 % interval of the difference of two shares of `n` each (Newcombe 1998, method 10).

    It takes them for independent, and is wider than need be where both are measured on the same texts.
    """
    (low, high), (other_low, other_high) = _wilson(first, n), _wilson(second, n)
    difference = first - second
    below, above = math.hypot(first - low, other_high - second), math.hypot(high - first, second - other_low)
    return difference - below, difference + above


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Returns the score interval of a share (Wilson 1927)."""
    middle, half = share + Z**2 / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return (middle - half) / (1 + Z**2 / n), (middle + half) / (1 + Z**2 / n)


def share_of(claims: Iterable[bool | None]) -> Share:
    """Returns how many claims are true, of those that are not None."""
    known = [claim for claim in claims if claim is not None]
    return Share(sum(known), len(known))
