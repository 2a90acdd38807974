"""Intervals against other implementations and their own promises."""

from __future__ import annotations

import numpy as np
import pytest

from hpo.statistics.bootstrap import (
    Resampling,
    iqm,
    iqm_band,
    iqm_interval,
    mean_band,
)
from hpo.statistics.interval import Interval


def test_degenerate_data_have_an_interval_that_says_so() -> None:
    same = np.ones(8)
    assert iqm_interval([same], source=Resampling(0, 100)) == Interval(1.0, 1.0, "point")
    assert iqm_interval([], source=Resampling(0, 100)).method == "none"


def test_what_is_drawn_depends_on_the_values_alone() -> None:
    rng = np.random.default_rng(0)
    values, source = rng.normal(size=(9, 4)), Resampling(3, 300)
    shuffled = values[rng.permutation(9)]
    groups = [values[:, 0], values[:5, 1], values[:, 2]]
    for band in (mean_band, iqm_band):
        np.testing.assert_array_equal(band(values, source=source), band(shuffled, source=source))
    again = iqm_interval([groups[2][::-1], groups[0], groups[1]], source=source)
    assert iqm_interval(groups, source=source) == again


def test_interquartile_mean_leaves_out_both_quarters() -> None:
    assert iqm(np.array([0.0, 1, 2, 3, 4, 5, 6, 1000])) == np.mean([2, 3, 4, 5])
    assert iqm(np.array([1.0, 2, 6])) == 3.0


def test_bands_equal_a_resampling_written_as_a_loop() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(10, 3))
    drawn = np.array([values[rng.integers(10, size=10)] for _ in range(10_000)])
    low, high = mean_band(values, source=Resampling(1, 10_000))
    assert (low, high) == (
        pytest.approx(np.percentile(drawn.mean(axis=1), 2.5, axis=0), abs=0.05),
        pytest.approx(np.percentile(drawn.mean(axis=1), 97.5, axis=0), abs=0.05),
    )
    low, high = iqm_band(values, source=Resampling(1, 10_000))
    middle = np.sort(drawn, axis=1)[:, 2:8].mean(axis=1)
    assert (low, high) == (
        pytest.approx(np.percentile(middle, 2.5, axis=0), abs=0.06),
        pytest.approx(np.percentile(middle, 97.5, axis=0), abs=0.06),
    )


def test_a_wide_band_is_worked_off_in_pieces_alike() -> None:
    values = np.random.default_rng(0).normal(size=(8, 1200))
    low, _ = iqm_band(values, source=Resampling(1, 1000))
    first, _ = iqm_band(values[:, :5], source=Resampling(1, 1000))
    assert low.shape == (1200,)
    assert low[:5] == pytest.approx(first)


def test_groups_keep_their_weight() -> None:
    groups = [np.zeros(4), np.full(4, 8.0)]
    assert iqm_interval(groups, source=Resampling(0, 200)) == Interval(4.0, 4.0, "percentile")
