"""Effect sizes against the Mann-Whitney statistic."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from hpo.statistics.paired import (
    a12,
    detectable_difference,
    fewest_seeds,
    fewest_units,
    hodges_lehmann,
    holm,
    probability_of_improvement,
    signed_rank_p,
    win_rate,
)


def test_a12_is_mann_whitneys_u_and_the_area_under_the_roc_curve() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 5, size=9).astype(float), rng.integers(1, 7, size=13).astype(float)
    u = stats.mannwhitneyu(second, first).statistic
    assert a12(first, second) == pytest.approx(u / (9 * 13))
    labels = [1] * 9 + [0] * 13
    assert a12(first, second) == pytest.approx(roc_auc_score(labels, -np.concatenate([first, second])))


def test_failed_studies_lose_and_are_level_with_each_other() -> None:
    assert a12(np.array([1.0]), np.array([np.inf])) == 1.0
    assert a12(np.array([np.inf]), np.array([np.inf])) == 0.5
    assert a12(np.array([]), np.array([1.0])) is None


def test_tasks_weigh_alike() -> None:
    groups = [(np.zeros(10), np.ones(10)), (np.ones(1), np.zeros(1)), (np.array([]), np.array([]))]
    assert probability_of_improvement(groups) == 0.5
    assert probability_of_improvement([]) is None


def test_win_rate_counts_ties_half() -> None:
    assert win_rate(np.array([-1.0, -2, 0, 3])) == 0.625
    assert win_rate(np.array([])) is None


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


def test_holm_equals_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 91):
        p = rng.uniform(size=size) ** 2
        assert holm(list(p)) == pytest.approx(list(multipletests(p, method="holm")[1]))
    assert holm([0.5, 0.5, 0.01]) == pytest.approx(list(multipletests([0.5, 0.5, 0.01], method="holm")[1]))
    assert holm([]) == []


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


@pytest.mark.parametrize(("n_tests", "n"), [(1, 6), (5, 8), (6, 8), (10, 9), (13, 10), (21, 10), (91, 12)])
def test_fewest_units_follow_the_law(n_tests: int, n: int) -> None:
    assert fewest_units(n_tests) == n
    assert signed_rank_p(np.arange(1.0, n + 1)) * n_tests < 0.05
    assert signed_rank_p(np.arange(1.0, n)) * n_tests >= 0.05


@pytest.mark.parametrize(("n_strategies", "n"), [(1, 6), (2, 6), (3, 7), (4, 8), (5, 9), (7, 10), (14, 12)])
def test_fewest_seeds_for_so_many_strategies(n_strategies: int, n: int) -> None:
    assert fewest_seeds(n_strategies) == n


def test_no_tests_are_refused() -> None:
    with pytest.raises(ValueError, match="n_tests=0"):
        fewest_units(0)


def test_the_detectable_difference_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(0)
    unit = stats.norm.ppf((np.arange(25) + 0.5) / 25)
    shift = detectable_difference(unit / unit.std(ddof=1), n_tests=1)
    assert shift is not None
    hits = [signed_rank_p(rng.normal(shift, 1, size=25)) < 0.05 for _ in range(600)]
    assert np.mean(hits) == pytest.approx(0.8, abs=0.05)


def test_nothing_is_detectable_with_too_few() -> None:
    assert detectable_difference(np.arange(5.0), n_tests=1) is None
    assert detectable_difference(np.arange(6.0), n_tests=3) is None
    assert detectable_difference(np.arange(6.0), n_tests=1) is not None
