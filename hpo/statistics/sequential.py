"""Group-sequential signed-rank tests: looks at paired differences before all of them are there, at one level for all.

Boundaries, closed testing over several pairs, intervals that hold at every look, futility. When to look, and what is
done with the answer, is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from hpo.statistics.interval import NO_INTERVAL, Interval
from hpo.statistics.signed_rank import ALPHA, FEWEST, cumulated, interval_at, rank_sum

Floats = NDArray[np.float64]
SPENDING = "alpha log(1 + (e - 1) t) at a share t of the seeds (Lan & DeMets 1983)"
SHARES = (0.4, 0.55, 0.75, 1.0)  # of all differences, at which there is a look unless others are asked for
MOST_EXACT = 20  # differences up to which the signs in all orders are gone through: 2^20 of them
MOST_PARTED = 7  # strategies up to which all ways to part them into equal ones are gone through: 877
ROUNDING = 1e-12


@dataclass(frozen=True)
class Boundary:
    """What rejects at a look.

    Attributes:
        n: Differences that are there by then.
        rank_sum: Of the rarer sign: this one and smaller ones reject; None where none does.
        spent: Probability that two equal strategies are told apart by then, at this look or before.
    """

    n: int
    rank_sum: int | None
    spent: float

    def is_crossed(self, differences: Floats) -> bool:
        """Returns whether the first n of the differences reject."""
        return self.rank_sum is not None and rank_sum(differences[: self.n]) <= self.rank_sum


def to_spend(share: float, alpha: float) -> float:
    """Returns how much of alpha may be spent once this share of the differences is there.

    alpha log(1 + (e - 1) t), which resembles Pocock's boundaries (Lan & DeMets 1983, Biometrika 70).
    """
    return alpha * math.log1p((math.e - 1) * share)


def usual_looks(n_max: int, *, n_tests: int) -> tuple[int, ...]:
    """Returns the looks at 40, 55, 75 and 100 % of n_max, none before one of so many tests can reject.

    Raises:
        ValueError: if none can by n_max.
    """
    alpha = ALPHA / n_tests
    possible = (n for n in range(FEWEST, n_max + 1) if 2 / 2**n <= to_spend(n / n_max, alpha) + ROUNDING)
    first = next(possible, None)
    if first is None:
        raise ValueError(f"{n_max} differences reject none of {n_tests} tests.")
    return tuple(sorted({max(first, round(share * n_max)) for share in SHARES}))


@lru_cache(maxsize=64)
def boundaries(looks: tuple[int, ...], alpha: float) -> tuple[Boundary, ...]:
    """Returns the boundary of each look, at a level of alpha for all of them together.

    Each rejects the largest rank sum with which no more is spent than `to_spend` allows, in the joint distribution of
    the looks over all signs of the differences in all orders of their sizes: exact for different ones that may come
    in any order. Beyond 20 differences the probability of a look is added to what was spent, which can only be too
    much (Bonferroni).

    Args:
        looks: Numbers of differences, ascending; the last one is n_max.
        alpha: Two-sided.
    """
    found: list[Boundary] = []
    mass, spent = np.ones(1), 0.0  # by the signs of the differences in the order of their sizes: that nothing rejected
    for n in looks:
        left = to_spend(n / looks[-1], alpha) - spent + ROUNDING
        if n > MOST_EXACT:
            chances = np.minimum(1.0, 2 * cumulated(n))
        else:
            while mass.size < 2**n:
                mass = _with_another(mass)
            rarer = _rarer_rank_sums(n)
            chances = np.cumsum(np.bincount(rarer, weights=mass))
        n_rejected = int(np.searchsorted(chances, left, side="right"))
        if n_rejected:
            spent += float(chances[n_rejected - 1])
            if n <= MOST_EXACT:
                mass = np.where(rarer < n_rejected, 0.0, mass)
        found.append(Boundary(n, n_rejected - 1 if n_rejected else None, spent))
    return tuple(found)


def reject(pairs: Sequence[Floats], looks: tuple[int, ...], *, n: int) -> list[bool]:
    """Returns which pairs were told apart by the look with n differences, at a level of 5 % for all pairs together.

    Closed testing (Marcus, Peritz & Gabriel 1976): a pair is told apart where everything is rejected that it may be
    part of. What is rejected are equalities: of some strategies with each other, of some others with each other and so
    on, since a third one cannot equal both of two that differ (Shaffer 1986; García & Herrera 2008, JMLR 9). One that
    is made of s pairs is rejected where one of them crossed a boundary of its level, alpha / s, at this look or before.
    The union bound over pairs holds with looks as it does without (Maurer & Bretz 2013, Statistics in Biopharmaceutical
    Research 5), however pairs depend on each other and whatever the comparison is stopped for. Of more than 7
    strategies every set of pairs is taken for possible, as in Holm's procedure: that can only be too strict.

    Args:
        pairs: The differences of each, of shape (n or more,), in the order in which they came; all pairs of the
            strategies, as `itertools.combinations` orders them.
        looks: All that are planned.
        n: That of the latest look that is done.
    """
    sizes = range(1, len(pairs) + 1)
    has_crossed = np.array([[has_crossed_by(own, looks, ALPHA / s, n=n) for own in pairs] for s in sizes])
    n_strategies = (1 + math.isqrt(1 + 8 * len(pairs))) // 2
    if n_strategies > MOST_PARTED:
        n_kept = np.sum(~has_crossed, axis=1)
        return [all(has_crossed[s - 1, i] or n_kept[s - 1] < s for s in sizes) for i in range(len(pairs))]
    is_kept = np.zeros(len(pairs), bool)
    for equal in equalities(n_strategies):
        if not has_crossed[len(equal) - 1, equal].any():
            is_kept[equal] = True
    return [not kept for kept in is_kept.tolist()]


@lru_cache(maxsize=8)
def equalities(n_strategies: int) -> tuple[list[int], ...]:
    """Returns what may be equal among strategies: for each way to part them into groups, the pairs within a group.

    Pairs are given by their places in the order of `itertools.combinations`; that no two are equal is left out.
    """
    partitions: list[list[int]] = [[]]  # the group of each strategy
    for _ in range(n_strategies):
        partitions = [[*groups, own] for groups in partitions for own in range(max(groups, default=-1) + 2)]
    pairs = list(combinations(range(n_strategies), 2))
    found = [[at for at, (a, b) in enumerate(pairs) if groups[a] == groups[b]] for groups in partitions]
    return tuple(equal for equal in found if equal)


def has_crossed_by(differences: Floats, looks: tuple[int, ...], alpha: float, *, n: int) -> bool:
    """Returns whether one pair crossed a boundary of this level at the look with n differences or before."""
    return any(one.is_crossed(differences) for one in boundaries(looks, alpha) if one.n <= n)


def repeated_interval(differences: Floats, looks: tuple[int, ...]) -> Interval:
    """Returns the repeated confidence interval of the pseudo-median at the look that has so many differences.

    The shifts that the boundary of this look does not reject (Jennison & Turnbull 2000, chapter 9). With 95 % all of
    those of a comparison hold it, so the last one does, whatever it was stopped for. It excludes 0 exactly when this
    pair alone is told apart at this very look. None where the look rejects nothing.
    """
    boundary = next(one for one in boundaries(looks, ALPHA) if one.n == differences.size)
    if boundary.rank_sum is None:
        return NO_INTERVAL
    is_kept = not boundary.is_crossed(differences)
    return interval_at(differences, boundary.rank_sum, level=1 - ALPHA, is_kept=is_kept)


def conditional_power(differences: Floats, looks: tuple[int, ...]) -> float:
    """Returns the probability that a pair alone is told apart at the last look, if things go on as they did.

    See `conditional_power_of`; at the last look it is 1 or 0.
    """
    last = boundaries(looks, ALPHA)[-1]
    if differences.size >= last.n or last.rank_sum is None:
        return float(last.is_crossed(differences))
    signed = np.sum(np.sign(differences) * stats.rankdata(np.abs(differences)))
    return float(conditional_power_of(np.array([signed]), differences.size, looks)[0])


def conditional_power_of(signed: NDArray[Any], n: int, looks: tuple[int, ...]) -> Floats:
    """Returns the conditional power of each sum of signed ranks of n differences, before the last look.

    Of the normal limit, with the drift seen so far (Lan & Wittes 1988, Biometrics 44): the signed-rank z at a share t
    is expected to be z / sqrt(t) in the end, with a variance of 1 - t.
    """
    last = boundaries(looks, ALPHA)[-1]
    assert last.rank_sum is not None, looks
    share = n / last.n
    z = np.abs(signed) / math.sqrt(n * (n + 1) * (2 * n + 1) / 6)
    needed = float(stats.norm.isf(cumulated(last.n)[last.rank_sum]))
    return np.asarray(stats.norm.sf((needed - z / math.sqrt(share)) / math.sqrt(1 - share)))


def _with_another(mass: Floats) -> Floats:
    """Returns the mass with one difference more: its size has any place among the others, its sign is either.

    Args:
        mass: Of shape (2^n,): bit i of the index is whether the (i + 1)-th smallest difference is positive.
    """
    n = mass.size.bit_length() - 1
    found = np.zeros(2 * mass.size)
    for place in range(n + 1):
        low = 2**place
        found.reshape(-1, 2, low)[:] += mass.reshape(-1, 1, low)
    return found / (2 * (n + 1))


@lru_cache(maxsize=16)
def _rarer_rank_sums(n: int) -> NDArray[np.int64]:
    """Returns the rank sum of the rarer sign for all signs of n differences, of shape (2^n,)."""
    above = np.zeros(1, np.int64)
    for rank in range(1, n + 1):
        above = np.concatenate([above, above + rank])
    return np.minimum(above, n * (n + 1) // 2 - above)
