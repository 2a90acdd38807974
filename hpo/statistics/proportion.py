"""Shares: so many of so many, and the interval in which the true share lies.

What is counted is the sections' business.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scipy import stats


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


def share_of(claims: Iterable[bool | None]) -> Share:
    """Returns how many claims are true, of those that are not None."""
    known = [claim for claim in claims if claim is not None]
    return Share(sum(known), len(known))
