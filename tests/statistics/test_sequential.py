"""Group-sequential signed-rank tests: boundaries against every order and sign, closed tests against Shaffer's."""

from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np
import pytest

from hpo.statistics.paired import holm
from hpo.statistics.sequential import (
    boundaries,
    conditional_power,
    equalities,
    has_crossed_by,
    reject,
    repeated_interval,
    to_spend,
    usual_looks,
)
from hpo.statistics.signed_rank import ALPHA, critical, rank_sum, signed_rank_interval, signed_rank_p

LOOKS = (8, 11, 15, 20)


def test_what_is_spent_is_the_share_of_all_orders_and_signs_that_cross() -> None:
    looks, alpha = (3, 5), 0.6
    signed = [
        np.array(order) * np.array(signs)
        for order in permutations((1.0, 2.0, 3.0, 4.0, 5.0))
        for signs in product((-1, 1), repeat=5)
    ]
    first, second = boundaries(looks, alpha)
    at_first = [first.is_crossed(differences) for differences in signed]
    by_second = [was or second.is_crossed(differences) for was, differences in zip(at_first, signed, strict=True)]
    assert first.spent == pytest.approx(np.mean(at_first))
    assert second.spent == pytest.approx(np.mean(by_second))
    assert 0 < first.spent <= to_spend(3 / 5, alpha)
    assert first.spent < second.spent <= alpha


@pytest.mark.parametrize("n", [6, 10, 30])
def test_one_look_is_the_test_at_a_fixed_number(n: int) -> None:
    (only,) = boundaries((n,), ALPHA)
    assert only.rank_sum == critical(n, ALPHA)


@pytest.mark.parametrize("looks", [LOOKS, (6, 8, 10), (16, 22, 30, 40)])
@pytest.mark.parametrize("n_tests", [1, 3])
def test_no_more_is_spent_than_allowed_at_any_look(looks: tuple[int, ...], n_tests: int) -> None:
    found = boundaries(looks, ALPHA / n_tests)
    for boundary in found:
        assert boundary.spent <= to_spend(boundary.n / looks[-1], ALPHA / n_tests) + 1e-9
    assert found[-1].spent > 0.8 * ALPHA / n_tests


@pytest.mark.parametrize(("n_max", "n_tests", "first"), [(20, 1, 8), (20, 6, 9), (7, 1, 6), (40, 3, 16)])
def test_the_first_look_can_reject(n_max: int, n_tests: int, first: int) -> None:
    looks = usual_looks(n_max, n_tests=n_tests)
    assert (looks[0], looks[-1]) == (first, n_max)
    assert boundaries(looks, ALPHA / n_tests)[0].rank_sum is not None


def test_too_few_differences_have_no_looks() -> None:
    with pytest.raises(ValueError, match="6 differences reject none of 3 tests"):
        usual_looks(6, n_tests=3)


def test_what_may_be_equal_are_groups_of_strategies() -> None:
    assert equalities(2) == ([0],)
    assert sorted(equalities(3)) == [[0], [0, 1, 2], [1], [2]]  # never two pairs of three: the third is equal then
    assert sorted(map(len, equalities(4))) == [1] * 6 + [2] * 3 + [3] * 4 + [6]


def test_with_one_look_three_strategies_are_told_apart_as_shaffer_does() -> None:
    rng = np.random.default_rng(3)
    n_rejected = n_more = 0
    for shift in np.linspace(0, 1.2, 60):
        pairs = [rng.normal(shift * place, size=12) for place in range(3)]
        p = [signed_rank_p(differences) for differences in pairs]
        rejected = [min(p) <= ALPHA / 3 and own <= ALPHA for own in p]
        assert reject(pairs, (12,), n=12) == rejected
        n_more += sum(rejected) - sum(own <= ALPHA for own in holm(p))
        n_rejected += sum(rejected)
    assert 10 < n_rejected < 110
    assert n_more > 0


def test_of_many_strategies_closed_testing_is_holm() -> None:
    rng = np.random.default_rng(3)
    losses = rng.normal(size=(8, 14)) + np.linspace(0, 3, 8)[:, None]
    pairs = [losses[a] - losses[b] for a, b in combinations(range(8), 2)]
    adjusted = holm([signed_rank_p(differences) for differences in pairs])
    assert reject(pairs, (14,), n=14) == [p <= ALPHA for p in adjusted]
    assert any(p <= ALPHA for p in adjusted)


def test_a_crossing_at_an_earlier_look_counts_and_later_differences_do_not_at_it() -> None:
    differences = np.array([*np.arange(1.0, 9.0), -20.0, -21.0, -22.0])
    assert has_crossed_by(differences, LOOKS, ALPHA, n=8)
    assert not boundaries(LOOKS, ALPHA)[1].is_crossed(differences)
    assert reject([differences], LOOKS, n=11) == [True]


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_the_repeated_interval_is_without_zero_exactly_when_the_look_rejects(decimals: int) -> None:
    rng = np.random.default_rng(5)
    n_without = 0
    for boundary in boundaries(LOOKS, ALPHA):
        for _ in range(40):
            differences = np.round(rng.normal(0.8, size=boundary.n), decimals) + 0.0
            interval = repeated_interval(differences, LOOKS)
            fixed = signed_rank_interval(differences)
            assert interval.excludes_zero == boundary.is_crossed(differences)
            assert interval.low is not None
            assert fixed.low is not None
            assert interval.low <= fixed.low
            n_without += interval.excludes_zero
    assert 20 < n_without < 140


def test_ties_and_zeros_never_help() -> None:
    assert rank_sum(np.arange(1.0, 9.0)) == 0
    assert rank_sum(np.array([1.0] * 5 + [0.0] * 3)) > boundaries(LOOKS, ALPHA)[0].rank_sum  # type: ignore[operator]
    assert rank_sum(np.zeros(8)) == 36 / 2
    assert not has_crossed_by(np.zeros(8), LOOKS, ALPHA, n=8)


def test_conditional_power_follows_what_was_seen() -> None:
    level = np.array([1.0, -1.1, 1.2, -1.3, -1.4, 1.5, 1.6, -1.7])
    assert conditional_power(level, LOOKS) < 0.1
    assert conditional_power(np.arange(1.0, 9.0), LOOKS) > 0.95
    assert conditional_power(np.arange(1.0, 21.0), LOOKS) == 1.0
    assert conditional_power(np.tile(level, 3)[:20], LOOKS) == 0.0
