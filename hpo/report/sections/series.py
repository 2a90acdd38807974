"""Series that several figures draw: averaged step curves with their bands, thin curves, points of many evenly thinned.

Which curves are averaged, and on which scale, is the sections' business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from hpo.figures.figure import Cell, Series
from hpo.statistics.bootstrap import Resampling, iqm, iqm_band, mean_band

Floats = NDArray[np.float64]
Value = TypeVar("Value")
Statistic = Literal["mean", "IQM"]
FEWEST_FOR_A_BAND = 6
QUARTERS = (0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Average:
    """A mean (or interquartile mean) over rows along costs; low and high are None with fewer than six rows.

    Attributes:
        along: Costs, from where every row has a value to where one of them ends.
        n: Rows averaged.
    """

    along: Floats
    values: Floats
    low: Floats | None
    high: Floats | None
    n: int
    statistic: Statistic

    def at(self, place: float) -> int | None:
        """Returns the index of the value that holds at a cost; None before the first and after the last."""
        if not self.along.size or place > self.along[-1] * (1 + 1e-9) or place < self.along[0] * (1 - 1e-9):
            return None
        return int(np.searchsorted(self.along, place * (1 + 1e-9), side="right")) - 1


def average(rows: Floats, along: Floats, *, statistic: Statistic = "mean", source: Resampling) -> Average:
    """Returns the average of the rows where all of them are finite, with its 95 % bootstrap band over the rows."""
    is_known = np.isfinite(rows).all(axis=0) if len(rows) else np.zeros(along.size, bool)
    rows, along = rows[:, is_known], along[is_known]
    values = np.empty(0) if not rows.size else rows.mean(axis=0) if statistic == "mean" else iqm(rows)
    if len(rows) < FEWEST_FOR_A_BAND or not rows.size:
        return Average(along, values, None, None, len(rows), statistic)
    low, high = (mean_band if statistic == "mean" else iqm_band)(rows, source=source)
    return Average(along, values, low, high, len(rows), statistic)


def average_series(of: Average, strategy: str, *, sign: float = 1.0) -> list[Series]:
    """Returns a band and a step curve; points at quarters of the axis where there are too few rows for a band.

    Args:
        sign: Brings losses back to values.
    """
    name, x = f"{strategy}, {of.statistic}", [float(place) for place in of.along]
    if not x:
        return []
    y = [float(value) for value in sign * of.values]
    if of.low is None or of.high is None:
        indices = [(place, of.at(place)) for place in (share * x[-1] for share in QUARTERS)]
        held = [(place, y[index]) for place, index in indices if index is not None]
        return [Series(name, "points", [place for place, _ in held], [value for _, value in held], strategy)]
    low, high = np.sort(sign * np.stack([of.low, of.high]), axis=0).tolist()
    band = Series(f"{name}, 95 % band", "band", x, (), strategy, low=low, high=high, in_legend=False)
    return [band, Series(name, "step", x, y, strategy)]


def thin_series(name: str, strategy: str, x: Sequence[float], y: Sequence[float]) -> Series:
    """Returns the faint curve of one seed or task."""
    return Series(name, "thin", list(x), list(y), strategy, in_legend=False)


def box_series(strategy: str, values: Sequence[Cell], *, text: Sequence[str] = ()) -> Series:
    """Returns a strategy's values as points with a box over the middle half of them."""
    return Series(strategy, "box", [strategy] * len(values), values, strategy, text=text)


def evenly(values: Sequence[Value], most: int) -> list[Value]:
    """Returns at most so many of the values, evenly over their order."""
    n = min(most, len(values))
    return [values[place * len(values) // n] for place in range(n)]
