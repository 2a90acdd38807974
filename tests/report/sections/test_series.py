"""Averages of step curves and the marks they become."""

from __future__ import annotations

import numpy as np

from hpo.report.sections.series import average, average_series
from hpo.statistics.bootstrap import Resampling

ALONG = np.array([1.0, 2.0, 3.0, 4.0])


def test_it_begins_where_every_row_has_a_value_and_ends_where_one_ends() -> None:
    rows = np.array([[np.inf, 4.0, 3.0, 2.0], [6.0, 5.0, 5.0, np.nan]])
    mean = average(rows, ALONG, source=Resampling(0, 50))
    assert mean.along.tolist() == [2, 3]
    assert mean.values.tolist() == [4.5, 4.0]
    assert mean.n == 2
    assert [mean.at(place) for place in (1.5, 2.0, 2.9, 3.0, 3.5)] == [None, 0, 0, 1, None]


def test_few_rows_are_points_without_a_band() -> None:
    rows = np.arange(20.0).reshape(5, 4)
    (points,) = average_series(average(rows, ALONG, source=Resampling(0, 50)), "tpe")
    assert points.kind == "points"
    assert list(points.x) == [1, 2, 3, 4]
    assert points.strategy == "tpe"


def test_six_rows_are_a_step_curve_in_its_band() -> None:
    rows = np.random.default_rng(0).normal(size=(6, 4))
    band, step = average_series(average(rows, ALONG, source=Resampling(0, 200)), "tpe", sign=-1.0)
    assert (band.kind, step.kind) == ("band", "step")
    for low, value, high in zip(band.low, step.y, band.high, strict=True):
        assert low is not None
        assert high is not None
        assert low < float(str(value)) < high
    assert step.y[0] == -rows[:, 0].mean()


def test_interquartile_mean_leaves_the_extreme_rows_out() -> None:
    rows = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [1000.0]])
    assert average(rows, ALONG[:1], statistic="IQM", source=Resampling(0, 50)).values.tolist() == [3.5]


def test_nothing_to_average() -> None:
    assert average_series(average(np.full((7, 4), np.inf), ALONG, source=Resampling(0, 50)), "tpe") == []
    assert average_series(average(np.empty((0, 4)), ALONG, source=Resampling(0, 50)), "tpe") == []
