"""Tests of paired values: the exact Wilcoxon test, its correction, what it could have detected; and ranks over blocks.

What is paired with what, and which words the results allow, is decided elsewhere.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ALPHA = 0.05
POWER = 0.8
# Of the signed-rank test relative to the t test under normal noise (Hollander, Wolfe & Chicken 2014).
EFFICIENCY = 3 / math.pi
FEWEST = 6
Floats = NDArray[np.float64]


def signed_rank_p(differences: Floats) -> float:
    """Returns the exact two-sided p of the paired Wilcoxon signed-rank test; 1 without differences.

    Zeros are split between both signs and the exact distribution is kept when there are ties (SciPy's default would
    change the method with the data). Infinite differences rank above all finite ones.
    """
    if not differences.size or not differences.any():
        return 1.0
    ordered = np.sign(differences) * stats.rankdata(np.abs(differences), method="dense")
    ordered[differences == 0] = 0
    with warnings.catch_warnings():
        # SciPy 1.17 divides by a zero standard error on the way to the exact p of very few differences.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"scipy\.stats\._wilcoxon")
        return float(stats.wilcoxon(ordered, zero_method="zsplit", method="exact").pvalue)


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


def hodges_lehmann(differences: Floats) -> float:
    """Returns the pseudo-median: the median of the means of all pairs of differences, each with itself too.

    It is the estimate that belongs to the signed-rank test (Hodges & Lehmann 1963): one bad seed hardly moves it, and
    its sign is never against the test's. That holds for infinite differences too, of which a positive and a negative
    one are 0 on average; with too many of one sign it is infinite.
    """
    if not differences.size:
        return 0.0
    first, second = np.triu_indices(differences.size)
    means = np.sort(_sum(differences[first], differences[second]) / 2)
    return float(_sum(means[(means.size - 1) // 2], means[means.size // 2]) / 2)


def _sum(first: Floats, second: Floats) -> Floats:
    """Returns first + second, 0 where one is infinite and the other its negative."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nan_to_num(first + second, nan=0.0, posinf=np.inf, neginf=-np.inf))


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


def detectable_difference(differences: Floats, *, n_tests: int) -> float | None:
    """Returns the smallest true shift that would be found with 80 % power, in the units of the differences.

    MDE = (z(1 - alpha / (2 m)) + z(.8)) * sd / sqrt(n * 3 / pi), with sd the observed standard deviation of the n
    paired differences, alpha = .05, m the number of tests (the level of Holm's first step) and 3 / pi the efficiency
    of the signed-rank test under normal noise. None where n is too small for p < .05 however large the shift, always
    below 6.
    """
    n = differences.size
    if n < max(FEWEST, fewest_units(n_tests)):
        return None
    z = stats.norm.ppf(1 - ALPHA / (2 * n_tests)) + stats.norm.ppf(POWER)
    return float(z * np.std(differences, ddof=1) / math.sqrt(n * EFFICIENCY))


def a12(first: Floats, second: Floats) -> float | None:
    """Returns Vargha and Delaney's A12: the probability that a loss of `first` is lower, ties counting half.

    Over all pairs of values, not the paired ones (Vargha & Delaney 2000); None without values.
    """
    if not first.size or not second.size:
        return None
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
