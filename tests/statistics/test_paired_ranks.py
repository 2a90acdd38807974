"""Ranks against published tables and other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hpo.statistics.paired import Ranking, cliques, critical_difference, rank


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (7, 2.949), (10, 3.164)])
def test_critical_differences_equal_the_published_table(k: int, q: float) -> None:
    """Demšar 2006, table 5a."""
    n = 14
    assert critical_difference(k, n) == pytest.approx(q * np.sqrt(k * (k + 1) / (6 * n)), rel=1e-3)


def test_demsars_worked_example() -> None:
    """Four classifiers on 14 data sets: CD = 1.25 (Demšar 2006)."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def ranked(losses: np.ndarray) -> Ranking:
    return rank("abcd"[: len(losses)], losses, np.abs(losses))


def test_rounding_breaks_no_tie() -> None:
    losses = np.array([[0.1 + 0.2, 0.7], [0.3, 0.7], [0.9, 0.7 + 1e-15]])
    assert ranked(losses).means == (1.75, 1.75, 2.5)
    assert ranked(100 * losses).means == (1.75, 1.75, 2.5)


def test_friedman_equals_scipy_and_ranks_lower_losses_first() -> None:
    losses = np.random.default_rng(0).normal(size=(3, 9)) + np.array([[0], [1], [3]])
    ranking = ranked(losses)
    theirs = stats.friedmanchisquare(*losses)
    assert (ranking.chi2, ranking.p) == pytest.approx((theirs.statistic, theirs.pvalue))
    assert ranking.means == pytest.approx(tuple(np.argsort(np.argsort(losses, axis=0), axis=0).mean(axis=1) + 1))
    assert ranking.is_significant


def test_infinite_losses_share_the_worst_rank() -> None:
    ranking = ranked(np.array([[1.0, 1], [np.inf, np.inf], [np.inf, 2]]))
    assert ranking.means == (1.0, 2.75, 2.25)


def test_too_little_for_a_test() -> None:
    assert ranked(np.array([[1.0, 2], [3, 4]])).p is None
    assert ranked(np.array([[1.0], [2], [3]])).p is None
    assert ranked(np.ones((3, 8))).p == 1.0
    assert ranked(np.empty((2, 0))).means == ()


def test_cliques_are_the_largest_groups_and_only_after_friedman() -> None:
    found = Ranking(("a", "b", "c", "d"), (1.0, 3.9, 2.0, 3.1), 10, 0.001, 1.2)
    assert cliques(found) == [("a", "c"), ("c", "d"), ("d", "b")]
    assert cliques(Ranking(("a", "b", "c"), (1.0, 1.1, 3.0), 10, 0.001, 1.0)) == [("a", "b")]
    assert cliques(Ranking(("a", "b", "c"), (1.0, 1.1, 1.2), 10, 0.6, 1.0)) == []
