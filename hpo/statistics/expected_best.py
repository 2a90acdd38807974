"""What the best of n evaluations is worth on average: exact for random search and for a shuffled grid.

Which evaluations form the pool is decided elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Floats = NDArray[np.float64]


MOST_DRAWS = 400


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
    log_factorials = gammaln(np.arange(n_pool + 1) + 1)  # of 0, 1, … n_pool
    return np.array([_weights(log_factorials, int(drawn)) @ ordered[: n_pool - drawn + 1] for drawn in draws.tolist()])


def _weights(log_factorials: Floats, drawn: int) -> Floats:
    """Returns the probability that the i-th lowest is the best of so many, for every i where it can be."""
    n_pool = log_factorials.size - 1
    log_of = log_factorials
    of_all = log_of[n_pool] - log_of[drawn] - log_of[n_pool - drawn]
    above = log_of[drawn - 1 : n_pool][::-1] - log_of[drawn - 1] - log_of[: n_pool - drawn + 1][::-1]
    return np.asarray(np.exp(above - of_all))
