"""The signed-rank test, its effect, interval and power: against enumeration, and against each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations_with_replacement, product

import numpy as np
import pytest
from scipy import stats

from hpo.statistics.interval import NO_INTERVAL
from hpo.statistics.signed_rank import (
    critical,
    detectable_difference,
    detectable_shift,
    hodges_lehmann,
    signed_rank_interval,
    signed_rank_p,
    stratified_signed_rank,
)


def brute_force_p(differences: np.ndarray) -> float:
    """Returns the two-sided p over all 2^n assignments of signs."""
    ranks = stats.rankdata(np.abs(differences))
    observed = ranks[differences > 0].sum()
    sums = np.array([ranks[list(signs)].sum() for signs in product((False, True), repeat=differences.size)])
    return min(1.0, 2 * min((sums <= observed).mean(), (sums >= observed).mean()))


@pytest.mark.parametrize("n", [1, 5, 8, 10])
def test_p_equals_all_assignments_of_signs(n: int) -> None:
    for seed in range(5):
        differences = np.random.default_rng(seed).normal(size=n)
        assert signed_rank_p(differences) == pytest.approx(brute_force_p(differences))


def test_five_seeds_never_reach_five_percent_and_eight_do() -> None:
    assert signed_rank_p(np.arange(1.0, 6)) == pytest.approx(0.0625)
    assert signed_rank_p(np.arange(1.0, 9)) == pytest.approx(0.0078125)


def test_nothing_differs() -> None:
    assert signed_rank_p(np.zeros(8)) == 1.0
    assert signed_rank_p(np.array([])) == 1.0


def test_an_infinite_difference_ranks_above_all_others() -> None:
    finite, infinite = np.array([-1.0, -2, -3, -4, -5, 9]), np.array([-1.0, -2, -3, -4, -5, np.inf])
    assert signed_rank_p(infinite) == signed_rank_p(finite)
    assert signed_rank_p(np.array([np.inf] * 8)) == signed_rank_p(np.ones(8))


def test_ties_do_not_raise_the_error_above_five_percent() -> None:
    rng = np.random.default_rng(0)
    hits = [signed_rank_p(rng.integers(-2, 3, size=8).astype(float)) < 0.05 for _ in range(800)]
    assert np.mean(hits) < 0.05


def test_pseudo_median_is_the_median_of_the_means_of_all_pairs() -> None:
    assert hodges_lehmann(np.array([1.0, 2.0, 10.0])) == np.median([1, 1.5, 5.5, 2, 6, 10])
    assert hodges_lehmann(np.array([1.0] * 11 + [-1000.0])) == 1.0
    assert hodges_lehmann(np.array([])) == 0.0


@pytest.mark.parametrize(
    ("differences", "effect"),
    [
        ([np.inf] * 10, np.inf),
        ([np.inf] * 8 + [-0.1] * 4, np.inf),
        ([-np.inf] * 5 + [0.2], -np.inf),
        ([np.inf, -np.inf], 0.0),
        ([np.inf] * 3 + [-np.inf] * 3, 0.0),
        ([np.inf, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1], -0.1),
    ],
)
def test_the_pseudo_median_of_infinite_differences(differences: list[float], effect: float) -> None:
    assert hodges_lehmann(np.array(differences)) == effect


def test_the_pseudo_median_is_never_on_the_other_side_than_the_test() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        values = rng.normal(rng.normal(), 1, size=9)
        values[rng.uniform(size=9) < rng.uniform()] = np.inf * rng.choice([-1, 1])
        if signed_rank_p(values) < 0.05:
            ranks = stats.rankdata(np.abs(values))
            assert np.sign(hodges_lehmann(values)) == np.sign(np.sum(np.sign(values) * ranks))


@pytest.mark.parametrize("n", [6, 7, 8])
def test_the_interval_excludes_zero_exactly_when_p_is_below_five_percent(n: int) -> None:
    """All sets of n differences of -2, -1, 0, 1 and 2: with every kind of ties and zeros."""
    n_outside = 0
    for values in combinations_with_replacement(range(-2, 3), n):
        differences = np.array(values, float)
        interval, p = signed_rank_interval(differences), signed_rank_p(differences)
        assert interval.low is not None
        assert interval.high is not None
        assert interval.excludes_zero == (p < 0.05), values
        assert (0 in (interval.low, interval.high)) or not interval.is_without_zero
        assert interval.low <= hodges_lehmann(differences) <= interval.high
        n_outside += p < 0.05
    assert n_outside >= 14


@pytest.mark.parametrize("n", [6, pytest.param(7, marks=pytest.mark.slow)])
def test_no_pattern_of_ties_and_zeros_is_rejected_too_often(n: int) -> None:
    """Given the magnitudes, all signs are equally likely if nothing differs; splitting zeros alone would reject 6 %."""
    for steps in product((0, 1), repeat=n):
        magnitudes = np.cumsum(steps).astype(float)
        if not magnitudes.any():
            continue
        signs = product(*((-1, 1) if size else (1,) for size in magnitudes))
        p = np.array([signed_rank_p(magnitudes * np.array(sign)) for sign in signs])
        assert (p < 0.05).mean() < 0.05, magnitudes


def test_five_that_point_one_way_are_too_few_whatever_is_level() -> None:
    assert signed_rank_p(np.array([1.0] * 5 + [0.0] * 2)) == 0.0625
    assert signed_rank_interval(np.array([1.0] * 5 + [0.0] * 2)).low == 0.0


@pytest.mark.parametrize(("n", "level"), [(6, 0.969), (8, 0.961), (10, 0.951), (20, 0.952)])
def test_the_exact_levels(n: int, level: float) -> None:
    assert signed_rank_interval(np.arange(1.0, n + 1)).level == pytest.approx(level, abs=5e-4)


def test_five_differences_have_no_interval_of_95_percent() -> None:
    assert signed_rank_interval(np.arange(5.0)) == NO_INTERVAL
    assert signed_rank_interval(np.empty(0)) == NO_INTERVAL


def test_ends_are_walsh_averages() -> None:
    """Hand count: of the 21 averages of 1..6 the outermost, 1 and 6; of the 36 of 1..8 the fourth from either end.

    These are 1, 1.5, 2, 2 (1+1, 1+2, 1+3 and 2+2 over 2) and, mirrored, 7.
    """
    assert (signed_rank_interval(np.arange(1.0, 7)).low, signed_rank_interval(np.arange(1.0, 7)).high) == (1.0, 6.0)
    assert (signed_rank_interval(np.arange(1.0, 9)).low, signed_rank_interval(np.arange(1.0, 9)).high) == (2.0, 7.0)


def test_infinite_differences_leave_a_side_without_a_bound() -> None:
    interval = signed_rank_interval(np.array([np.inf, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]))
    assert interval.low == 2.0
    assert interval.high == math.inf


SAMPLES = {
    "normal": lambda rng, size: rng.normal(size=size),
    "t3": lambda rng, size: rng.standard_t(3, size=size),
    "skewed": lambda rng, size: rng.exponential(size=size) - stats.gamma(2).median() / 2,
}


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("n", [6, 8, 10, 20])
def test_the_interval_covers(name: str, n: int) -> None:
    """What it covers is the pseudo-median, the median of the mean of two draws: of Exp(1) that of Gamma(2), halved."""
    draws, rejected = SAMPLES[name](np.random.default_rng(n), (10_000, n)), critical(n, 0.05)
    assert rejected is not None
    first, second = np.triu_indices(n)
    means = np.sort((draws[:, first] + draws[:, second]) / 2, axis=1)
    low, high = means[:, rejected], means[:, -1 - rejected]
    for row in range(20):
        assert signed_rank_interval(draws[row]).low == low[row]
        assert signed_rank_interval(draws[row]).high == high[row]
    assert np.mean((low <= 0) & (high >= 0)) >= 0.94


@pytest.mark.parametrize(("n", "n_tests"), [(6, 1), (8, 1), (8, 3), (10, 6), (20, 1), (40, 3)])
def test_power_at_the_detectable_shift_is_what_is_claimed(n: int, n_tests: int) -> None:
    shift, rejected = detectable_shift(n, n_tests=n_tests), critical(n, 0.05 / n_tests)
    assert shift is not None
    assert rejected is not None
    draws = np.random.default_rng(n).normal(shift, 1, size=(2000, n))
    ranks = stats.rankdata(np.abs(draws), axis=1)
    rarer = np.minimum((ranks * (draws > 0)).sum(axis=1), (ranks * (draws < 0)).sum(axis=1))
    assert np.mean(rarer <= rejected) == pytest.approx(0.8, abs=0.03)
    assert [signed_rank_p(row) < 0.05 / n_tests for row in draws[:50]] == (rarer[:50] <= rejected).tolist()


def test_the_limit_of_the_detectable_shift_meets_the_simulated_one() -> None:
    simulated, limit = detectable_shift(60, n_tests=3), detectable_shift(61, n_tests=3)
    assert simulated == pytest.approx(limit, rel=0.03)


def test_nothing_is_detectable_with_too_few_or_without_any_spread() -> None:
    assert detectable_difference(np.arange(5.0), n_tests=1) is None
    assert detectable_difference(np.arange(6.0), n_tests=3) is None
    assert detectable_difference(np.full(8, 0.5), n_tests=1) is None
    assert detectable_difference(np.arange(6.0), n_tests=1) == pytest.approx(detectable_shift(6, n_tests=1) * 3.5**0.5)


def by_brute_force(strata: Sequence[np.ndarray]) -> float:
    """Returns the share of all signs whose sum of ranks within strata is as far from the middle as the one observed."""
    kept = [own[own != 0] for own in strata]
    ranks = np.concatenate([stats.rankdata(np.abs(own)) for own in kept])
    sums = [float(np.dot(signs, ranks)) for signs in product((-1, 1), repeat=ranks.size)]
    observed = abs(float(np.dot(np.sign(np.concatenate(kept)), ranks)))
    return float(np.mean(np.abs(sums) >= observed - 1e-9))


@pytest.mark.parametrize("seed", range(6))
def test_the_stratified_test_is_exact_over_all_signs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    strata = [np.round(rng.normal(0.5, 1, size=n), 0 if seed % 2 else 9) for n in (4, 3, 5)]  # with ties and zeros
    p, lean = stratified_signed_rank(strata)
    assert p == pytest.approx(by_brute_force(strata))
    scaled = [own * 10.0**place for place, own in enumerate(strata)][::-1]
    assert stratified_signed_rank(scaled) == (pytest.approx(p), lean)
    assert stratified_signed_rank([-own for own in strata]) == (pytest.approx(p), -lean)


def test_the_stratified_test_finds_what_tasks_share_and_no_more_than_five_percent_of_nothing() -> None:
    rng = np.random.default_rng(1)
    found = {
        shift: np.mean([stratified_signed_rank(list(rng.normal(shift, 1, size=(3, 8))))[0] < 0.05 for _ in range(400)])
        for shift in (0.0, 1.0)
    }
    assert found[0.0] < 0.075  # .05 and three standard errors of 400
    assert found[1.0] > 0.95
    large = [rng.normal(size=300) for _ in range(3)]
    exact, _ = stratified_signed_rank(large)
    assert stratified_signed_rank([*large, *(np.full(2, 1e-9) * [1, -1] for _ in range(60))])[0] == pytest.approx(
        exact, abs=0.01
    )
    assert stratified_signed_rank([np.zeros(4)]) == (1.0, 0.0)
