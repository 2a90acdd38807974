"""Intervals by resampling: bands of means over a budget, intervals of interquartile means.

Every function takes its seed and how often to resample; which numbers it is given is not its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hpo.statistics.interval import LEVEL, NO_INTERVAL, Interval

Floats = NDArray[np.float64]
N_RESAMPLES = 2000
TAILS = (50 * (1 - LEVEL), 100 - 50 * (1 - LEVEL))
# Resampled values held at once; more are worked off in pieces.
PIECE = 2_000_000


@dataclass(frozen=True)
class Resampling:
    """A seed and how many resamples to draw with it.

    What is drawn depends on nothing else: each draw begins anew, from values in ascending order, so that neither the
    order of rows nor what was drawn before, nor what anything is called, changes an interval.
    """

    seed: int
    n: int = N_RESAMPLES

    @property
    def rng(self) -> np.random.Generator:
        """A fresh generator; the one place where one is made."""
        return np.random.default_rng(self.seed)


def mean_band(values: Floats, *, source: Resampling) -> tuple[Floats, Floats]:
    """Returns the percentile band of the mean over rows, one pair of ends a column.

    Args:
        values: Rows are seeds (or tasks), columns are places on an axis.
    """
    n = len(values)
    counts = source.rng.multinomial(n, np.full(n, 1 / n), size=source.n)
    return _ends(counts @ _in_order(values) / n)


def iqm_band(values: Floats, *, source: Resampling) -> tuple[Floats, Floats]:
    """Returns the percentile band of the interquartile mean over rows, one pair of ends a column."""
    n, n_places = values.shape
    chosen = source.rng.integers(n, size=(source.n, n))
    width = max(1, PIECE // (source.n * n))
    parts = [_ends(iqm(piece[chosen], axis=1)) for piece in _pieces(_in_order(values), width)]
    low, high = zip(*parts, strict=True) if n_places else ([np.empty(0)], [np.empty(0)])
    return np.concatenate(low), np.concatenate(high)


def _in_order(rows: Floats) -> Floats:
    """Returns the rows in ascending order of their values."""
    return rows[np.lexsort(rows.T[::-1])] if rows.size else rows


def _pieces(values: Floats, width: int) -> list[Floats]:
    return [values[:, start : start + width] for start in range(0, values.shape[1], width)]


def iqm(values: Floats, axis: int = 0) -> Floats:
    """Returns the interquartile mean: the mean without the lowest and the highest quarter."""
    return np.asarray(stats.trim_mean(values, 0.25, axis=axis))


def iqm_interval(groups: Sequence[Floats], *, source: Resampling) -> Interval:
    """Returns the percentile interval of the interquartile mean of all values, resampled within each group.

    The groups are tasks, so that each keeps its weight (stratified bootstrap; Agarwal et al. 2021, section 4.1).
    """
    values = np.concatenate(list(groups)) if groups else np.empty(0)
    if values.size < 2:
        return NO_INTERVAL
    if np.ptp(values) == 0:
        return Interval(float(values[0]), float(values[0]), "point")
    rng = source.rng
    ordered = sorted((np.sort(group) for group in groups if group.size), key=lambda group: [group.size, *group])
    drawn = [group[rng.integers(group.size, size=(source.n, group.size))] for group in ordered]
    low, high = _ends(iqm(np.concatenate(drawn, axis=1), axis=1)[:, None])
    return Interval(float(low[0]), float(high[0]), "percentile")


def _ends(resampled: Floats) -> tuple[Floats, Floats]:
    """Returns the ends of the middle 95 % of each column."""
    low, high = np.percentile(resampled, TAILS, axis=0)
    return np.asarray(low), np.asarray(high)
