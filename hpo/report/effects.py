"""Effect sizes without units: how often one strategy is ahead of another.

Tests and intervals are in `signed_rank` and `intervals`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def a12(first: Floats, second: Floats) -> float | None:
    """Returns Vargha and Delaney's A12: the probability that a loss of `first` is lower, ties counting half.

    Over all pairs of values, not the paired ones (Vargha & Delaney 2000); None without values.
    """
    if not first.size or not second.size:
        return None
    lower = first[:, None] < second[None, :]
    equal = first[:, None] == second[None, :]
    return float(np.mean(lower + 0.5 * equal))


def probability_of_improvement(groups: Sequence[tuple[Floats, Floats]]) -> float | None:
    """Returns the mean over tasks of A12 (Agarwal et al. 2021, section 4.3); None without values."""
    known = [value for first, second in groups if (value := a12(first, second)) is not None]
    return float(np.mean(known)) if known else None


def win_rate(differences: Floats) -> float | None:
    """Returns the share of pairs the first wins, ties counting half; None without pairs."""
    return float(np.mean((differences < 0) + 0.5 * (differences == 0))) if differences.size else None
