"""Ranks of several strategies over blocks: Friedman's test and Nemenyi's critical difference.

Blocks are seeds or tasks; which they are is the sections' business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hpo.statistics.paired import ALPHA

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Strategies ranked within blocks, 1 is best.

    Attributes:
        strategies: In the order of the design.
        means: Mean rank of each.
        n: Blocks.
        p: Of Friedman's test; None with fewer than three strategies or two blocks.
        critical: Nemenyi's critical difference of mean ranks at .05.
    """

    strategies: tuple[str, ...]
    means: tuple[float, ...]
    n: int
    p: float | None
    critical: float | None

    @property
    def is_significant(self) -> bool:
        return self.p is not None and self.p < ALPHA


def rank(strategies: Sequence[str], losses: Floats) -> Ranking:
    """Returns the ranking of losses, shape (n_strategies, n_blocks); infinite losses share the worst ranks."""
    k, n = losses.shape
    if not n:
        return Ranking(tuple(strategies), (), 0, None, None)
    ranks = stats.rankdata(losses, axis=0)
    critical = critical_difference(k, n) if k > 1 else None
    return Ranking(
        tuple(strategies), tuple(float(mean) for mean in ranks.mean(axis=1)), n, _friedman_p(ranks), critical
    )


def _friedman_p(ranks: Floats) -> float | None:
    """Returns the p of Friedman's test on ranks (ranks of ranks are themselves); 1 where all tie."""
    k, n = ranks.shape
    if k < 3 or n < 2:
        return None
    if np.ptp(ranks) == 0:
        return 1.0
    return float(stats.friedmanchisquare(*ranks).pvalue)


def critical_difference(k: int, n: int) -> float:
    """Returns the difference of mean ranks above which two of k strategies differ over n blocks.

    CD = q / sqrt(2) * sqrt(k (k + 1) / (6 n)), with q the .95 quantile of the studentized range of k means and infinite
    degrees of freedom (Demšar 2006).
    """
    q = float(stats.studentized_range.ppf(1 - ALPHA, k, np.inf))
    return q / math.sqrt(2) * math.sqrt(k * (k + 1) / (6 * n))


def cliques(of: Ranking) -> list[tuple[str, ...]]:
    """Returns the largest groups within one critical difference, best first; none unless Friedman is significant."""
    if not of.is_significant or of.critical is None:
        return []
    order = sorted(range(len(of.means)), key=lambda index: of.means[index])
    found: list[tuple[str, ...]] = []
    reach = -1
    for start, first in enumerate(order):
        within = [
            place for place in range(start, len(order)) if of.means[order[place]] - of.means[first] <= of.critical
        ]
        if len(within) > 1 and within[-1] > reach:
            reach = within[-1]
            found.append(tuple(of.strategies[order[place]] for place in within))
    return found
