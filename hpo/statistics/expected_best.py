"""What the best of n evaluations is worth on average: exact for random search and for a shuffled grid.

Which evaluations form the pool is decided elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]


MOST_DRAWS = 400
PIECE = 500_000  # weights held at once


def numbers_of_draws(most: int) -> NDArray[np.int64]:
    """Returns 1, 2, … most; thinned evenly to 400 of them where they are more."""
    return np.unique(np.linspace(1, most, min(most, MOST_DRAWS)).round().astype(np.int64))


def expected_best(losses: Floats, draws: NDArray[np.int64]) -> Floats:
    """Returns the expected lowest loss of so many evaluations drawn without replacement, shape (n_draws,).

    With the N losses sorted, E = sum_i C(N - i, n - 1) / C(N, n) * x_(i) (Tang et al. 2020, "Showing your work doesn't
    always work": unbiased, unlike the expectation with replacement).

    Raises:
        ValueError: More draws than losses.
    """
    n_pool = losses.size
    if draws.max(initial=0) > n_pool:
        raise ValueError(f"n_draws={draws.max()} is more than the pool of {n_pool} losses; draw at most as many.")
    ordered = np.sort(losses)
    n_rows = max(1, PIECE // max(n_pool, 1))
    parts = [_weights(n_pool, draws[start : start + n_rows]) @ ordered for start in range(0, draws.size, n_rows)]
    return np.concatenate([np.empty(0), *parts])


def _weights(n_pool: int, draws: NDArray[np.int64]) -> Floats:
    drawn, below = draws[:, None], n_pool - np.arange(1, n_pool + 1)[None, :]
    with np.errstate(invalid="ignore"):
        log_weights = _log_choose(below, drawn - 1) - _log_choose(np.asarray(n_pool), drawn)
    return np.where(below >= drawn - 1, np.exp(log_weights), 0.0)


def _log_choose(n: NDArray[np.int64], k: NDArray[np.int64]) -> Floats:
    """Returns log C(n, k); anything where k > n."""
    k = np.minimum(k, n)
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
