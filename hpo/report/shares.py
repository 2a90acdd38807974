"""Shares: so many of so many, and the interval in which the true share lies.

What is counted is the sections' business.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from hpo.report.content import Cell, Column


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
    def cells(self) -> list[Cell]:
        """The cells below `share_columns`."""
        return [f"{self.k}/{self.n}" if self.n else None, self.value, *self.interval]

    @property
    def numbers(self) -> dict[str, float | None]:
        low, high = self.interval
        return {"k": self.k, "n": self.n, "share": self.value, "low": low, "high": high}


def share_columns(title: str, *, of: str = "") -> list[Column]:
    """Returns the columns of a share: `title`, then the share and the ends of its interval, all `of` something."""
    suffix = f" ({of})" if of else ""
    return [Column(title), *(Column(f"{name}{suffix}", ".2f") for name in ("Share", "95 % from", "95 % to"))]
