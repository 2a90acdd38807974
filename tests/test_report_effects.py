"""Effect sizes against the Mann-Whitney statistic."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from hpo.report.effects import a12, probability_of_improvement, win_rate


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
