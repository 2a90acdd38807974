"""What the best of noisy values is worth."""

from __future__ import annotations

import time

import numpy as np
import pytest

from hpo.statistics.shrinkage import MAX_TRIALS, mean_interval, shrink


def bowl(rng: np.random.Generator, n: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = rng.uniform(size=(n, 2))
    truth = np.sum((x - 0.4) ** 2, axis=1)
    return x, truth, truth + noise * rng.normal(size=n)


def test_the_best_of_noisy_values_is_unbiased_and_its_interval_holds_the_truth() -> None:
    curses, biases, hits = [], [], []
    for seed in range(60):
        x, truth, y = bowl(np.random.default_rng(seed), 24, noise=0.15)
        best = int(np.argmin(y))
        worth = shrink(x, y, best)
        assert worth is not None
        curses.append(y[best] - truth[best])
        biases.append(worth.mean - truth[best])
        hits.append(worth.low <= truth[best] <= worth.high)
    assert np.mean(curses) < -0.1
    assert abs(np.mean(biases)) < 0.4 * abs(np.mean(curses))
    assert np.mean(hits) >= 0.9


def test_without_noise_nothing_is_shrunken() -> None:
    x, truth, y = bowl(np.random.default_rng(1), 40, noise=0.0)
    best = int(np.argmin(y))
    worth = shrink(x, y, best)
    assert worth is not None
    assert worth.mean == pytest.approx(truth[best], abs=0.01)
    assert worth.high - worth.low < 0.1


def test_equal_trials_tell_noise_from_roughness() -> None:
    rng = np.random.default_rng(2)
    x = np.repeat(rng.uniform(size=(8, 2)), 3, axis=0)
    levels = np.repeat(rng.normal(size=8), 3)
    quiet, loud = levels + 0.01 * rng.normal(size=24), levels + 1.0 * rng.normal(size=24)
    narrow, wide = (shrink(x, y, int(np.argmin(y))) for y in (quiet, loud))
    assert narrow is not None
    assert wide is not None
    assert narrow.high - narrow.low < 0.25 * (wide.high - wide.low)


def test_of_few_or_equal_values_nothing_is_said() -> None:
    x = np.random.default_rng(0).uniform(size=(9, 2))
    assert shrink(x[:4], np.arange(4.0), 0) is None
    assert shrink(x, np.ones(9), 0) is None
    assert mean_interval(np.array([1.0])) is None


def test_the_same_values_give_the_same_number_and_a_thousand_are_quick() -> None:
    x, _, y = bowl(np.random.default_rng(3), 1000, noise=0.1)
    best = int(np.argmin(y))
    began = time.process_time()
    one, other = shrink(x, y, best), shrink(x, y, best)
    assert one == other
    assert time.process_time() - began < 3  # twice; a fifth of a second each on a quiet machine
    assert MAX_TRIALS == 100


def test_a_bad_tail_does_not_move_the_best() -> None:
    x, truth, y = bowl(np.random.default_rng(4), 30, noise=0.05)
    y[np.argmax(y)] = 1e9
    worth = shrink(x, y, int(np.argmin(y)))
    assert worth is not None
    assert abs(worth.mean - truth[np.argmin(y)]) < 0.3


def test_fresh_values_have_students_interval() -> None:
    worth = mean_interval(np.array([1.0, 2.0, 3.0, 4.0]))
    assert worth is not None
    assert worth.mean == 2.5
    assert worth.high - 2.5 == pytest.approx(3.182446 * 1.290994 / 2, rel=1e-5)
