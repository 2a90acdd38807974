"""The expected best of n against all ways to draw."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from hpo.statistics.expected_best import expected_best, numbers_of_draws


def test_it_is_the_mean_over_all_draws() -> None:
    losses = np.random.default_rng(0).normal(size=8)
    by_hand = [np.mean([min(draw) for draw in combinations(losses, n)]) for n in range(1, 9)]
    assert expected_best(losses, numbers_of_draws(8)) == pytest.approx(by_hand)


def test_it_is_the_mean_over_all_orders_of_a_grid() -> None:
    cells = np.array([3.0, 1.0, 2.0, 1.0, 7.0])
    orders = np.minimum.accumulate(np.array(list(permutations(cells))), axis=1)
    assert expected_best(cells, numbers_of_draws(5)) == pytest.approx(orders.mean(axis=0))


def test_a_pool_of_thousands_keeps_its_precision() -> None:
    losses = np.arange(5000.0)
    expected = expected_best(losses, numbers_of_draws(200))
    assert expected[0] == pytest.approx(losses.mean())
    # The expected minimum of n draws without replacement from 0 … N-1 is (N + 1) / (n + 1) - 1.
    assert expected[199] == pytest.approx(5001 / 201 - 1)


def test_many_draws_are_thinned_to_their_ends_and_400() -> None:
    draws = numbers_of_draws(100_000)
    assert (draws[0], draws[-1], draws.size) == (1, 100_000, 400)
    n_pool = 20_000  # more weights than are held at once
    expected = expected_best(np.arange(float(n_pool)), draws[draws <= n_pool])
    assert expected == pytest.approx((n_pool + 1) / (draws[draws <= n_pool] + 1) - 1, abs=1e-6)


def test_more_draws_than_losses_are_refused() -> None:
    with pytest.raises(ValueError, match="n_draws=3"):
        expected_best(np.array([1.0, 2.0]), numbers_of_draws(3))
