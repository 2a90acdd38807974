"""Intervals by resampling: of a mean difference, of means over a budget, of interquartile means.

Every function takes its random generator and how often to resample; which numbers it is given is not its business.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
N_RESAMPLES = 2000
LEVEL = 0.95
TAILS = (50 * (1 - LEVEL), 100 - 50 * (1 - LEVEL))
# Resampled values held at once; more are worked off in pieces.
PIECE = 8_000_000


@dataclass(frozen=True)
class Interval:
    """A 95 % interval and how it was made: BCa, percentile, or point when the data have no spread or too few values."""

    low: float | None
    high: float | None
    method: str

    def is_within(self, size: float) -> bool:
        """Whether it lies inside [-size, size]."""
        return self.low is not None and self.high is not None and -size <= self.low and self.high <= size

    def times(self, sign: float) -> Interval:
        """Returns the interval of the same quantity times the sign."""
        if self.low is None or self.high is None or sign > 0:
            return self
        return Interval(0.0 - self.high, 0.0 - self.low, self.method)  # never -0


@dataclass(frozen=True)
class Resampling:
    """A generator and how many resamples to draw with it."""

    rng: np.random.Generator
    n: int = N_RESAMPLES


def resampling(seed: int, n_resamples: int) -> Resampling:
    """Returns a fresh source of resamples; the one place where a generator is made."""
    return Resampling(np.random.default_rng(seed), n_resamples)


def mean_difference_interval(first: Floats, second: Floats, *, source: Resampling) -> Interval:
    """Returns the BCa interval of the mean of first - second, resampled in pairs (Efron 1987).

    Where BCa is undefined (no spread, or all resamples on one side) it is the percentile interval; None below 2 pairs.
    """
    differences = first - second
    if differences.size < 2:
        return Interval(None, None, "none")
    if np.ptp(differences) == 0:
        return Interval(float(differences[0]), float(differences[0]), "point")
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            # Undefined BCa intervals are recognised by their NaN; the warnings say the same.
            warnings.simplefilter("ignore", category=stats.DegenerateDataWarning)
            warnings.filterwarnings("ignore", category=RuntimeWarning)
            result = stats.bootstrap(
                (first, second), _mean_difference, paired=True, n_resamples=source.n, method=method, rng=source.rng
            )
        low, high = (float(end) for end in result.confidence_interval)
        if math.isfinite(low) and math.isfinite(high):
            return Interval(low, high, method)
    return Interval(None, None, "none")


def mean_interval(values: Floats, *, source: Resampling) -> Interval:
    """Returns the BCa interval of a mean; None below 2 values."""
    return mean_difference_interval(values, np.zeros_like(values), source=source)


def _mean_difference(first: Floats, second: Floats, axis: int = -1) -> Floats:
    return np.asarray(np.mean(first - second, axis=axis))


def mean_band(values: Floats, *, source: Resampling) -> tuple[Floats, Floats]:
    """Returns the percentile band of the mean over rows, one pair of ends a column.

    Args:
        values: Rows are seeds (or tasks), columns are places on an axis.
    """
    n = len(values)
    counts = source.rng.multinomial(n, np.full(n, 1 / n), size=source.n)
    return _ends(counts @ values / n)


def iqm_band(values: Floats, *, source: Resampling) -> tuple[Floats, Floats]:
    """Returns the percentile band of the interquartile mean over rows, one pair of ends a column."""
    n, n_places = values.shape
    chosen = source.rng.integers(n, size=(source.n, n))
    width = max(1, PIECE // (source.n * n))
    parts = [_ends(iqm(values[chosen][:, :, :], axis=1)) for values in _pieces(values, width)]
    low, high = zip(*parts, strict=True) if n_places else ([np.empty(0)], [np.empty(0)])
    return np.concatenate(low), np.concatenate(high)


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
        return Interval(None, None, "none")
    if np.ptp(values) == 0:
        return Interval(float(values[0]), float(values[0]), "point")
    drawn = [group[source.rng.integers(group.size, size=(source.n, group.size))] for group in groups if group.size]
    low, high = _ends(iqm(np.concatenate(drawn, axis=1), axis=1)[:, None])
    return Interval(float(low[0]), float(high[0]), "percentile")


def _ends(resampled: Floats) -> tuple[Floats, Floats]:
    """Returns the ends of the middle 95 % of each column."""
    low, high = np.percentile(resampled, TAILS, axis=0)
    return np.asarray(low), np.asarray(high)
