"""The one rule of when two numbers are equal: where they are within 1e-9 of the largest value behind them.

Values are recorded with a few decimals, but 0.76 - 0.73 and 0.94 - 0.91 differ in the last bit, in a way that depends
on the unit they are recorded in. Every test, rank and comparison with a limit goes by this rule, so that none does.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TOLERANCE = 1e-9


def levelled(values: Floats, sizes: Floats) -> Floats:
    """Returns the values with those that are equal along the first axis made the same, bit for bit: their lowest.

    Args:
        values: Infinite ones are equal to each other, NaN stays NaN.
        sizes: The largest magnitude behind each value: what it is a difference or a mean of. Of the shape of `values`.
    """
    order = np.argsort(values, axis=0, kind="stable")
    ascending = np.take_along_axis(values, order, axis=0)
    reach = TOLERANCE * np.take_along_axis(np.where(np.isfinite(sizes), np.abs(sizes), 0.0), order, axis=0)
    is_new = np.ones(values.shape, bool)
    with np.errstate(invalid="ignore"):
        is_new[1:] = np.diff(ascending, axis=0) > np.maximum(reach[1:], reach[:-1])
    places = np.arange(len(values)).reshape(-1, *[1] * (values.ndim - 1))
    firsts = np.maximum.accumulate(np.where(is_new, places, 0), axis=0)
    lowest = np.take_along_axis(ascending, firsts, axis=0)
    found = np.empty_like(values)
    np.put_along_axis(found, order, lowest, axis=0)
    return np.where(np.isnan(values), values, found)


def levelled_differences(differences: Floats, sizes: Floats) -> Floats:
    """Returns differences, shape (n,), with equal magnitudes made the same and those equal to nothing made 0."""
    magnitudes = np.concatenate([[0.0], np.abs(differences)])
    return np.asarray(np.sign(differences) * levelled(magnitudes, np.concatenate([[0.0], sizes]))[1:] + 0.0)


def exceeds(value: float, limit: float) -> bool:
    """Returns whether a value is above a limit and not equal to it."""
    return value > limit and not math.isclose(value, limit, rel_tol=TOLERANCE)
