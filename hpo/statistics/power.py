"""How many paired differences show a difference of interest: power of the exact signed-rank test, fixed or with looks.

Simulated for normal noise from a fixed seed, with the tests themselves. Where noise and difference come from is decided
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hpo.statistics.bootstrap import Resampling
from hpo.statistics.sequential import Boundary, boundaries, conditional_power_of, usual_looks
from hpo.statistics.signed_rank import ALPHA, FEWEST, POWER

Floats = NDArray[np.float64]
N_SIMULATED = 4000  # a power of .8 is known to .006
MANY, MOST = 30, 120  # differences: a quarter is simulated above the one, none above the other


@dataclass(frozen=True)
class Effort:
    """What a number of differences finds and takes.

    Attributes:
        n: Differences planned.
        power: Probability that the difference is told apart, and above the ROPE.
        mean: Differences it takes on average; n where there are no looks.
        mean_without: The same where there is no difference.
    """

    n: int
    power: float
    mean: float
    mean_without: float


@dataclass(frozen=True)
class Question:
    """What is to be found, in standard deviations of the differences.

    Attributes:
        shift: The difference of interest.
        rope: Differences up to this do not matter; below the shift.
        n_tests: Pairs that are corrected for together; the first of them to be told apart is what is counted.
        futility: Conditional power up to which it is given up at a look.
    """

    shift: float
    rope: float
    n_tests: int
    futility: float = 0.0


def effort(question: Question, *, has_looks: bool) -> Effort | None:
    """Returns the smallest number of differences that finds it with 80 % power; None where 120 are too few."""
    low, high = FEWEST, MOST
    if _effort(question, high, has_looks).power < POWER:
        return None
    while low < high:
        middle = (low + high) // 2
        is_enough = _effort(question, middle, has_looks).power >= POWER
        low, high = (low, middle) if is_enough else (middle + 1, high)
    return _effort(question, high, has_looks)


@cache
def _effort(question: Question, n: int, has_looks: bool) -> Effort:
    try:
        looks = usual_looks(n, n_tests=question.n_tests) if has_looks else (n,)
    except ValueError:  # so few reject nothing
        return Effort(n, 0.0, float(n), float(n))
    n_draws = N_SIMULATED if n <= MANY else N_SIMULATED // 4
    noise = Resampling(0).rng.normal(size=(n_draws, n))
    power, mean = _course(noise + question.shift, question, looks)
    return Effort(n, power, mean, _course(noise, question, looks)[1])


def _course(differences: Floats, question: Question, looks: tuple[int, ...]) -> tuple[float, float]:
    """Returns the share of rows that are told apart above the ROPE, and the mean number of differences they take."""
    taken = np.full(len(differences), float(looks[-1]))
    is_open, is_found = np.ones(len(differences), bool), np.zeros(len(differences), bool)
    for boundary in boundaries(looks, ALPHA / question.n_tests):
        above, typical = _ranked(differences[:, : boundary.n])
        has_crossed = _has_crossed(above, boundary) & (typical > question.rope) & is_open
        is_given_up = np.zeros_like(is_open)
        if boundary.n < looks[-1]:
            power = conditional_power_of(2 * above - boundary.n * (boundary.n + 1) / 2, boundary.n, looks)
            is_given_up = (power <= question.futility) & ~has_crossed & is_open
        is_found |= has_crossed
        taken[has_crossed | is_given_up] = boundary.n
        is_open &= ~(has_crossed | is_given_up)
    return float(is_found.mean()), float(taken.mean())


def _has_crossed(above: NDArray[np.int64], boundary: Boundary) -> NDArray[np.bool_]:
    total = boundary.n * (boundary.n + 1) // 2
    limit = -1 if boundary.rank_sum is None else boundary.rank_sum
    return np.asarray(np.minimum(above, total - above) <= limit)


def _ranked(differences: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Returns the rank sums of positive differences and the pseudo-medians, each of shape (rows,).

    The rank sum is the number of means of pairs above 0, the pseudo-median their median (Tukey 1949).
    """
    first, second = np.triu_indices(differences.shape[1])
    above, typical = [], []
    for rows in np.array_split(differences, max(1, differences.shape[0] * first.size // 2_000_000)):
        means = (rows[:, first] + rows[:, second]) / 2
        above.append(np.sum(means > 0, axis=1))
        typical.append(np.median(means, axis=1))
    return np.concatenate(above), np.concatenate(typical)
