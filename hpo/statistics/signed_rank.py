"""The exact signed-rank test of paired differences, the effect and the interval that belong to it, and its power.

All of them take differences of which equal ones are the same, bit for bit (`equality`), and may be infinite: those rank
above all finite ones. What is paired with what, and which words the results allow, is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hpo.statistics.bootstrap import Resampling
from hpo.statistics.interval import NO_INTERVAL, Interval

ALPHA = 0.05
POWER = 0.8
FEWEST = 6
# Of the signed-rank test relative to the t test under normal noise (Hollander, Wolfe & Chicken 2014).
EFFICIENCY = 3 / math.pi
MOST_SIMULATED = 60  # differences up to which power is simulated; above, its limit is within .01 of that
N_SIMULATED = 20_000
MOST_EXACT = 1_000  # differences in all strata together
Floats = NDArray[np.float64]


def signed_rank_p(differences: Floats) -> float:
    """Returns the exact two-sided p of the paired Wilcoxon signed-rank test; 1 without differences.

    Ties share their mean rank and zeros count half for either side, so that the statistic is the number of Walsh
    averages above 0 (Tukey 1949) and falls steadily as the differences are shifted. Its distribution is that of n
    different ranks. Where there are ties or zeros, p is at least that over all signs of the ranks that are not zero
    (Pratt 1959): five seeds that all point one way have p = .0625, whatever else is level.
    """
    n = differences.size
    if not differences.any():
        return 1.0
    doubled = np.rint(2 * stats.rankdata(np.abs(differences))).astype(int)
    above, level = doubled[differences > 0].sum(), doubled[differences == 0].sum()
    lower = min(2 * above + level, 2 * (n * (n + 1) - above) - level)  # four times the rank sum of the rarer sign
    p = 2 * cumulated(n)[-(-lower // 4)]
    signed = doubled[differences != 0]
    if np.unique(signed).size < n:
        p = max(p, 2 * np.cumsum(_distribution(signed))[min(above, signed.sum() - above)])
    return float(min(1.0, p))


def stratified_signed_rank(strata: Sequence[Floats]) -> tuple[float, float]:
    """Returns the two-sided p of flipping signs of differences ranked within strata, and the sum of the signed ranks.

    Exact over all signs of the differences that are not zero, as long as these are at most 1,000; else the normal
    limit. It asks whether the first of a pair is better within these strata; nothing of it holds for others.
    """
    kept = [own for differences in strata if (own := differences[differences != 0]).size]
    if not kept:
        return 1.0, 0.0
    doubled = np.concatenate([np.rint(2 * stats.rankdata(np.abs(own))).astype(int) for own in kept])
    total, above = int(doubled.sum()), int(doubled[np.concatenate(kept) > 0].sum())
    rarer = min(above, total - above)
    if doubled.size > MOST_EXACT:
        p = float(2 * stats.norm.cdf((rarer - total / 2) / (math.sqrt(float(np.sum(doubled**2))) / 2)))
    else:
        p = float(2 * _distribution(doubled)[: rarer + 1].sum())
    return min(1.0, p), above - total / 2


def hodges_lehmann(differences: Floats) -> float:
    """Returns the pseudo-median: the median of the means of all pairs of differences, each with itself too.

    It is the estimate that belongs to the signed-rank test (Hodges & Lehmann 1963): one bad seed hardly moves it, and
    its sign is never against the test's. That holds for infinite differences too, of which a positive and a negative
    one are 0 on average; with too many of one sign it is infinite.
    """
    if not differences.size:
        return 0.0
    means = _walsh_averages(differences)
    return float(_sum(means[(means.size - 1) // 2], means[means.size // 2]) / 2)


def signed_rank_interval(differences: Floats) -> Interval:
    """Returns the 95 % interval of the pseudo-median: the shifts that the signed-rank test does not reject at .05.

    Its ends are Walsh averages (Hollander, Wolfe & Chicken 2014, section 3.3), infinite where so many differences are,
    and it excludes 0 exactly when `signed_rank_p` is below .05. None below six differences: 1 - 2 / 2^5 is .9375.
    """
    n, rejected = differences.size, critical(differences.size, ALPHA)
    if rejected is None:
        return NO_INTERVAL
    level = float(1 - 2 * cumulated(n)[rejected])
    return interval_at(differences, rejected, level=level, is_kept=signed_rank_p(differences) >= ALPHA)


def interval_at(differences: Floats, rejected: int, *, level: float, is_kept: bool) -> Interval:
    """Returns the shifts that a test keeps which rejects rank sums of the rarer sign up to `rejected`.

    Args:
        differences: Of shape (n,).
        rejected: From 0 to below n (n + 1) / 4.
        level: What is claimed of it.
        is_kept: Whether the test keeps 0; with ties and zeros it may keep one just outside.
    """
    means = _walsh_averages(differences)
    low, high = float(means[rejected]), float(means[-1 - rejected])
    if is_kept:
        low, high = min(low, 0.0), max(high, 0.0)
    return Interval(low, high, "signed-rank", level, is_without_zero=not is_kept and low <= 0 <= high)


def rank_sum(differences: Floats) -> int:
    """Returns the rank sum of the rarer sign that has the p of `signed_rank_p` where nothing is tied.

    So what is at most a boundary in rank sums has a p at most that of the boundary, among ties and zeros, too.
    """
    halves = np.minimum(1.0, 2 * cumulated(differences.size))
    return int(np.searchsorted(halves, signed_rank_p(differences) * (1 - 1e-9)))


def critical(n: int, alpha: float) -> int | None:
    """Returns the largest rank sum of the rarer sign whose two-sided p is below alpha; None where 0 is not."""
    n_rejected = int(np.sum(2 * cumulated(n) < alpha))
    return n_rejected - 1 if n_rejected else None


def detectable_difference(differences: Floats, *, n_tests: int) -> float | None:
    """Returns the smallest true shift that would be found with 80 % power, in the units of the differences.

    That of `detectable_shift` times their observed standard deviation. None where that cannot be computed: n is too
    small for p < .05 however large the shift, always below 6, or all differences are equal.

    Args:
        differences: Finite ones.
        n_tests: Holm-corrected together.
    """
    shift = detectable_shift(differences.size, n_tests=n_tests)
    if shift is None or not np.ptp(differences):
        return None
    return shift * float(np.std(differences, ddof=1))


@lru_cache(maxsize=256)
def detectable_shift(n: int, *, n_tests: int) -> float | None:
    """Returns the true shift that n differences show with 80 % power, in standard deviations of normal noise.

    The test rejects once a shift exceeds the end of its interval at level alpha / n_tests (that of Holm's first step)
    around noise alone, so the shift is the .8 quantile of that end: simulated 20,000 times from a fixed seed. Above 60
    differences it is the limit (z(1 - alpha / (2 m)) + z(.8)) / sqrt(n * 3 / pi). None where no shift is enough.
    """
    rejected = critical(n, ALPHA / n_tests)
    if rejected is None or n < FEWEST:
        return None
    if n > MOST_SIMULATED:
        z = stats.norm.ppf(1 - ALPHA / (2 * n_tests)) + stats.norm.ppf(POWER)
        return float(z / math.sqrt(n * EFFICIENCY))
    first, second = np.triu_indices(n)
    rng, ends = Resampling(0).rng, []
    piece = max(1, 4_000_000 // first.size)
    for start in range(0, N_SIMULATED, piece):
        noise = rng.normal(size=(min(piece, N_SIMULATED - start), n))
        means = (noise[:, first] + noise[:, second]) / 2
        ends.append(np.partition(means, rejected, axis=1)[:, rejected])
    return float(np.quantile(-np.concatenate(ends), POWER))


def _walsh_averages(differences: Floats) -> Floats:
    """Returns the means of all pairs, each difference with itself too, ascending."""
    first, second = np.triu_indices(differences.size)
    return np.sort(_sum(differences[first], differences[second]) / 2)


def _sum(first: Floats, second: Floats) -> Floats:
    """Returns first + second, 0 where one is infinite and the other its negative."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.nan_to_num(first + second, nan=0.0, posinf=np.inf, neginf=-np.inf))


@lru_cache(maxsize=256)
def cumulated(n: int) -> Floats:
    """Returns the probabilities of a rank sum of at most 0, 1, … of one sign, over all signs of n different ranks."""
    return np.cumsum(_distribution(np.arange(1, n + 1)))


def _distribution(ranks: NDArray[np.int64]) -> Floats:
    """Returns the probabilities of the sums 0, 1, … of those ranks whose sign is positive, over all signs."""
    found = np.ones(1)
    for rank in ranks:
        found = np.concatenate([found, np.zeros(rank)]) / 2
        found[rank:] += found[: found.size - rank].copy()
    return found
