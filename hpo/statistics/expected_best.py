"""What the best of n evaluations is worth on average: exact for random search and for a shuffled grid.

Which evaluations form the pool is decided elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]


def expected_best(losses: Floats, n_draws: int) -> Floats:
    """Returns the expected lowest loss of 1, 2, … n_draws evaluations drawn without replacement, shape (n_draws,).

    With the N losses sorted, E = sum_i C(N - i, n - 1) / C(N, n) * x_(i) (Tang et al. 2020, "Showing your work doesn't
    always work": unbiased, unlike the expectation with replacement).

    Raises:
        ValueError: More draws than losses.
    """
    n_pool = losses.size
    if n_draws > n_pool:
        raise ValueError(f"n_draws={n_draws} is more than the pool of {n_pool} losses; draw at most as many.")
    ordered = np.sort(losses)
    draws = np.arange(1, n_draws + 1)[:, None]
    below = n_pool - np.arange(1, n_pool + 1)[None, :]
    with np.errstate(invalid="ignore"):
        log_weights = _log_choose(below, draws - 1) - _log_choose(np.asarray(n_pool), draws)
    weights = np.where(below >= draws - 1, np.exp(log_weights), 0.0)
    return np.asarray(weights @ ordered)


def _log_choose(n: NDArray[np.int64], k: NDArray[np.int64]) -> Floats:
    """Returns log C(n, k); anything where k > n."""
    k = np.minimum(k, n)
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
