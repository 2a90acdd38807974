"""Numbers that differ by rounding are the same, whatever the unit."""

from __future__ import annotations

import numpy as np
import pytest

from hpo.statistics.equality import exceeds, levelled, levelled_differences

FIRST, SECOND = np.array([0.76, 0.94, 0.72, 0.91]), np.array([0.73, 0.91, 0.66, 0.94])


def test_the_bits_of_equal_differences_differ() -> None:
    assert len(set(np.abs(FIRST - SECOND))) == 3


@pytest.mark.parametrize("unit", [1.0, 100.0, 1 / 3, 1e-6, 1e9])
def test_equal_differences_are_the_same_in_every_unit(unit: float) -> None:
    first, second = unit * FIRST, unit * SECOND
    found = levelled_differences(first - second, np.maximum(first, second))
    assert found[0] == found[1] == -found[3]
    assert found[2] == pytest.approx(0.06 * unit)


def test_a_difference_that_rounding_explains_is_none() -> None:
    found = levelled_differences(np.array([0.1 + 0.2 - 0.3, -1e-12, 1e-6]), np.full(3, 0.3))
    assert found.tolist() == [0.0, 0.0, 1e-6]


def test_a_huge_value_hides_differences_of_its_own_only() -> None:
    found = levelled_differences(np.array([1e12, 0.1, 0.2]), np.array([1e12, 0.4, 0.4]))
    assert found.tolist() == [1e12, 0.1, 0.2]


def test_infinite_values_are_level_and_nan_stays() -> None:
    values = np.array([[np.inf, 1.0], [2.0, np.nan], [np.inf, 1.0 + 1e-15]])
    found = levelled(values, np.abs(values))
    assert found[:, 0].tolist() == [np.inf, 2.0, np.inf]
    assert found[[0, 2], 1].tolist() == [1.0, 1.0]
    assert np.isnan(found[1, 1])


def test_nothing_to_level() -> None:
    assert levelled(np.empty((0, 3)), np.empty((0, 3))).shape == (0, 3)
    assert levelled_differences(np.empty(0), np.empty(0)).size == 0


def test_a_limit_is_exceeded_by_more_than_rounding() -> None:
    assert not exceeds(0.1 + 0.2, 0.3)
    assert exceeds(0.3001, 0.3)
    assert exceeds(1e-30, 0.0)
    assert exceeds(np.inf, 1.0)
