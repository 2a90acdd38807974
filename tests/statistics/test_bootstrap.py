"""Intervals against other implementations and their own promises."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from hpo.statistics.bootstrap import (
    Interval,
    iqm,
    iqm_band,
    iqm_interval,
    mean_band,
    mean_difference_interval,
    mean_interval,
    resampling,
)


def test_the_interval_of_a_difference_is_scipys_of_the_differences() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.gamma(2, size=12), rng.gamma(2, size=12)
    interval = mean_difference_interval(first, second, source=resampling(0, 20_000))
    theirs = stats.bootstrap((first - second,), np.mean, n_resamples=20_000, method="BCa", rng=1).confidence_interval
    assert (interval.low, interval.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)
    assert interval.method == "BCa"


def test_pairs_stay_together() -> None:
    first = np.arange(10.0) * 100
    interval = mean_difference_interval(first, first + np.tile([1.0, 2.0], 5), source=resampling(0, 500))
    assert interval.low is not None
    assert interval.low >= -2
    assert interval.high is not None
    assert interval.high <= -1


def test_degenerate_data_have_an_interval_that_says_so() -> None:
    same = np.ones(8)
    assert mean_difference_interval(same, same, source=resampling(0, 100)) == Interval(0.0, 0.0, "point")
    assert mean_interval(np.array([1.0]), source=resampling(0, 100)) == Interval(None, None, "none")
    assert iqm_interval([same], source=resampling(0, 100)) == Interval(1.0, 1.0, "point")
    assert iqm_interval([], source=resampling(0, 100)).method == "none"


@pytest.mark.parametrize("n", [2, 3, 5])
def test_few_values_have_an_interval_without_a_warning(n: int) -> None:
    interval = mean_interval(np.arange(float(n)), source=resampling(0, 200))
    assert interval.low is not None
    assert interval.method in {"BCa", "percentile"}


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=9)
    assert mean_interval(values, source=resampling(3, 300)) == mean_interval(values, source=resampling(3, 300))


def test_interquartile_mean_leaves_out_both_quarters() -> None:
    assert iqm(np.array([0.0, 1, 2, 3, 4, 5, 6, 1000])) == np.mean([2, 3, 4, 5])
    assert iqm(np.array([1.0, 2, 6])) == 3.0


def test_bands_equal_a_resampling_written_as_a_loop() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(10, 3))
    drawn = np.array([values[rng.integers(10, size=10)] for _ in range(4000)])
    low, high = mean_band(values, source=resampling(1, 4000))
    assert (low, high) == (
        pytest.approx(np.percentile(drawn.mean(axis=1), 2.5, axis=0), abs=0.05),
        pytest.approx(np.percentile(drawn.mean(axis=1), 97.5, axis=0), abs=0.05),
    )
    low, high = iqm_band(values, source=resampling(1, 4000))
    middle = np.sort(drawn, axis=1)[:, 2:8].mean(axis=1)
    assert (low, high) == (
        pytest.approx(np.percentile(middle, 2.5, axis=0), abs=0.06),
        pytest.approx(np.percentile(middle, 97.5, axis=0), abs=0.06),
    )


def test_a_wide_band_is_worked_off_in_pieces_alike() -> None:
    values = np.random.default_rng(0).normal(size=(8, 1200))
    low, _ = iqm_band(values, source=resampling(1, 1000))
    first, _ = iqm_band(values[:, :5], source=resampling(1, 1000))
    assert low.shape == (1200,)
    assert low[:5] == pytest.approx(first)


def test_groups_keep_their_weight() -> None:
    groups = [np.zeros(4), np.full(4, 8.0)]
    assert iqm_interval(groups, source=resampling(0, 200)) == Interval(4.0, 4.0, "percentile")


def test_inside_a_size() -> None:
    assert Interval(-0.1, 0.2, "BCa").is_within(0.2)
    assert not Interval(-0.3, 0.2, "BCa").is_within(0.2)
    assert not Interval(None, None, "none").is_within(1.0)
