"""What an interval says of itself."""

from __future__ import annotations

import math

from hpo.statistics.interval import NO_INTERVAL, Interval


def test_inside_a_size() -> None:
    assert Interval(-0.1, 0.2, "percentile").is_within(0.2)
    assert Interval(-0.1, 0.1 + 0.2, "percentile").is_within(0.3), "rounding alone puts nothing outside"
    assert not Interval(-0.3, 0.2, "percentile").is_within(0.2)
    assert not Interval(-math.inf, 0.2, "percentile").is_within(0.3)
    assert not NO_INTERVAL.is_within(1.0)


def test_zero_is_excluded_where_it_lies_outside_or_is_said_to_be() -> None:
    assert Interval(0.1, 0.2, "signed-rank").excludes_zero
    assert not Interval(0.0, 0.2, "signed-rank").excludes_zero
    assert Interval(-0.2, 0.0, "signed-rank", is_without_zero=True).times(-1).excludes_zero
    assert not NO_INTERVAL.excludes_zero


def test_two_finite_ends_are_bounds() -> None:
    assert Interval(0.0, 0.2, "percentile").is_bounded
    assert not Interval(0.0, math.inf, "percentile").is_bounded
    assert not NO_INTERVAL.is_bounded
