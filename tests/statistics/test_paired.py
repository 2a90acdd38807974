"""Effect sizes against the Mann-Whitney statistic, corrections and the fewest seeds against their laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score
from statsmodels.stats.multitest import multipletests

from hpo.statistics.paired import (
    a12,
    fewest_seeds,
    fewest_units,
    holm,
    probability_of_improvement,
    win_rate,
)
from hpo.statistics.signed_rank import signed_rank_p


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


def test_holm_equals_statsmodels() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 91):
        p = rng.uniform(size=size) ** 2
        assert holm(list(p)) == pytest.approx(list(multipletests(p, method="holm")[1]))
    assert holm([0.5, 0.5, 0.01]) == pytest.approx(list(multipletests([0.5, 0.5, 0.01], method="holm")[1]))
    assert holm([]) == []


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
