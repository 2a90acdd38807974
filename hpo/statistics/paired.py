"""Many tests of paired values: their correction, the fewest seeds they take; shares of wins, and ranks over blocks.

The test of one pair is in `signed_rank`; what is paired, and which words the results allow, is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hpo.statistics.equality import levelled
from hpo.statistics.signed_rank import ALPHA

Floats = NDArray[np.float64]


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns Holm's adjusted p-values, in the order given (Holm 1979).

    Written out because statsmodels' `multipletests` collects garbage on every call, a tenth of a second each.
    """
    p = np.array(p_values, float)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def n_pairs_of(n_strategies: int) -> int:
    return n_strategies * (n_strategies - 1) // 2


def fewest_seeds(n_strategies: int) -> int:
    """Returns the fewest paired seeds at which any pair of so many strategies can be called better.

    The exact two-sided test cannot go below 2 / 2^n, Holm multiplies the smallest p by the m pairs, so n >= log2(40 m)
    at a level of .05. Fewer than two strategies have no pair; they are counted as one.
    """
    return fewest_units(max(1, n_pairs_of(n_strategies)))


def fewest_units(n_tests: int) -> int:
    """Returns the fewest paired differences with which one of so many Holm-corrected tests can reach p < .05."""
    if n_tests < 1:
        raise ValueError(f"n_tests={n_tests} must be at least 1.")
    return next(n for n in range(1, 64) if 2 / 2**n * n_tests < ALPHA)


def a12(first: Floats, second: Floats) -> float | None:
    """Returns Vargha and Delaney's A12: the probability that a loss of `first` is lower, ties counting half.

    Over all pairs of values, not the paired ones (Vargha & Delaney 2000); None without values.
    """
    if not first.size or not second.size:
        return None
    both = np.concatenate([first, second])
    first, second = np.split(levelled(both, np.abs(both)), [first.size])
    lower = first[:, None] < second[None, :]
    equal = first[:, None] == second[None, :]
    return float(np.mean(lower + 0.5 * equal))


def probability_of_improvement(groups: Sequence[tuple[Floats, Floats]]) -> float | None:
    """Returns the mean over tasks of A12 (Agarwal et al. 2021, section 4.3); None without values."""
    known = [value for first, second in groups if (value := a12(first, second)) is not None]
    return float(np.mean(known)) if known else None


def win_rate(differences: Floats) -> float | None:
    """Returns the share of pairs the first wins, ties counting half; None without pairs."""
    return float(np.mean((differences < 0) + 0.5 * (differences == 0))) if differences.size else None


@dataclass(frozen=True)
class Ranking:
    """Strategies ranked within blocks, 1 is best.

    Attributes:
        strategies: In the order of the design.
        means: Mean rank of each.
        n: Blocks.
        p: Of Friedman's test; None with fewer than three strategies or two blocks.
        critical: Nemenyi's critical difference of mean ranks at .05.
        chi2: Friedman's statistic, with one degree of freedom fewer than there are strategies; None where `p` is.
    """

    strategies: tuple[str, ...]
    means: tuple[float, ...]
    n: int
    p: float | None
    critical: float | None
    chi2: float | None = None

    @property
    def is_significant(self) -> bool:
        return self.p is not None and self.p < ALPHA


def rank(strategies: Sequence[str], losses: Floats, sizes: Floats) -> Ranking:
    """Returns the ranking of losses, shape (n_strategies, n_blocks); infinite losses share the worst ranks.

    Args:
        sizes: The largest magnitude behind each loss; see `equality`.
    """
    k, n = losses.shape
    if not n:
        return Ranking(tuple(strategies), (), 0, None, None)
    ranks = stats.rankdata(levelled(losses, sizes), axis=0)
    critical = critical_difference(k, n) if k > 1 else None
    chi2, p = _friedman(ranks)
    return Ranking(tuple(strategies), tuple(float(mean) for mean in ranks.mean(axis=1)), n, p, critical, chi2)


def _friedman(ranks: Floats) -> tuple[float | None, float | None]:
    """Returns chi2 and p of Friedman's test on ranks (ranks of ranks are themselves); 0 and 1 where all tie."""
    k, n = ranks.shape
    if k < 3 or n < 2:
        return None, None
    if np.ptp(ranks) == 0:
        return 0.0, 1.0
    found = stats.friedmanchisquare(*ranks)
    return float(found.statistic), float(found.pvalue)


@lru_cache(maxsize=256)
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
