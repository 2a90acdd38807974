"""What it costs to reach a target: per study, as expected running time, and as a share of targets reached.

Which targets are asked for is decided in `targets`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.report.analysis.incumbents import Steps
from hpo.statistics.bootstrap import TAILS, Resampling
from hpo.statistics.interval import NO_INTERVAL, Interval

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Runtimes:
    """The studies of one strategy and one target.

    Attributes:
        costs: What each study spent until it reached the target; infinite when it did not (right-censored).
        spent: What each study spent in all.
    """

    costs: Floats
    spent: Floats

    def at(self, places: NDArray[np.int64]) -> Runtimes:
        """Returns the studies at these places, in this order."""
        return Runtimes(self.costs[places], self.spent[places])

    @property
    def n_reached(self) -> int:
        return int(np.isfinite(self.costs).sum())

    @property
    def charged(self) -> Floats:
        """What each study spent on the target: until it was reached, or all it had."""
        return np.where(np.isfinite(self.costs), self.costs, self.spent)

    @property
    def expected(self) -> float:
        """ERT: all that was spent on the target over how often it was reached; infinite when never (COCO)."""
        return float(self.charged.sum()) / self.n_reached if self.n_reached else math.inf


def runtimes(curves: Sequence[Steps], target: float) -> Runtimes:
    """Returns what studies spent until their incumbent's loss was at most the target."""
    return Runtimes(costs_of(curves, np.array([target]))[0], np.array([curve.end for curve in curves], float))


def costs_of(curves: Sequence[Steps], targets: Floats) -> Floats:
    """Returns what each study spent until each target: shape (n_targets, n_studies), infinite where not reached."""
    costs = np.empty((targets.size, len(curves)))
    for column, curve in enumerate(curves):
        reached = np.searchsorted(-curve.losses, -targets)  # an incumbent's losses fall
        costs[:, column] = np.append(curve.costs, math.inf)[reached]
    return costs


def expected_times(curves: Sequence[Steps], targets: Floats) -> Floats:
    """Returns the expected running time to each target, shape (n_targets,); infinite where none reached it."""
    costs = costs_of(curves, targets)
    is_reached = np.isfinite(costs)
    spent = np.array([curve.end for curve in curves], float)
    charged, n_reached = np.where(is_reached, costs, spent).sum(axis=1), is_reached.sum(axis=1)
    return np.where(n_reached > 0, charged / np.maximum(n_reached, 1), np.inf)


def ratio_interval(one: Runtimes, other: Runtimes, *, is_paired: bool, source: Resampling) -> Interval:
    """Returns the percentile interval of ERT(one) / ERT(other), studies resampled.

    An end is None where it is unbounded: more than 2.5 % of the resamples hold no study that reached the target.

    Args:
        is_paired: Whether the studies of both stand in the order of the same seeds; then they are drawn together.
    """
    n_one, n_other = one.costs.size, other.costs.size
    if min(n_one, n_other) < 2:
        return NO_INTERVAL
    places = [_order(one, other)] * 2 if is_paired else [_order(one), _order(other)]
    one, other = one.at(places[0]), other.at(places[1])
    rng = source.rng
    picked = rng.integers(n_one, size=(source.n, n_one))
    also = picked if is_paired else rng.integers(n_other, size=(source.n, n_other))
    top, bottom = _expected(one, picked), _expected(other, also)
    ratios = np.where(np.isinf(bottom), np.nan, top / np.where(np.isinf(bottom), 1.0, bottom))
    return _ends(ratios)


def _order(*of: Runtimes) -> NDArray[np.int64]:
    """Returns an order of studies (or of those paired) that depends on what they spent alone."""
    return np.lexsort([row for each in of for row in (each.spent, each.costs)])


def _expected(of: Runtimes, picked: NDArray[np.int64]) -> Floats:
    n_reached = np.isfinite(of.costs)[picked].sum(axis=1)
    charged = of.charged[picked].sum(axis=1)
    return np.where(n_reached > 0, charged / np.maximum(n_reached, 1), np.inf)


def _ends(ratios: Floats) -> Interval:
    """Returns the middle 95 %; a resample in which `other` never reached the target may stand for any ratio."""
    unknown = np.isnan(ratios)
    low = np.quantile(np.where(unknown, 0.0, ratios), TAILS[0] / 100, method="lower")
    high = np.quantile(np.where(unknown, np.inf, ratios), TAILS[1] / 100, method="higher")
    return Interval(float(low), float(high) if math.isfinite(high) else None, "percentile")
