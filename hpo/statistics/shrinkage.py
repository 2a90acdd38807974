"""What the best of noisy values is worth: their mean by a Gaussian process over all of them, shrunken by their noise.

The best value seen is too good: of many noisy ones it is the luckiest. numpy alone, which is loaded anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_TRIALS = 5
MAX_TRIALS, NEAREST = 100, 60  # beyond: those nearest to the one in question, and others at random
N_DRAWS = 192  # of lengthscales and noise, weighted by their marginal likelihood
SQRT5 = 5**0.5
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shrunken:
    """What a value is worth: the posterior mean, and an interval of 95 % of the mean over fresh seeds."""

    mean: float
    low: float
    high: float


def shrink(x: Floats, y: Floats, at: int, *, extra: Floats | None = None, seed: int = 0) -> Shrunken | None:
    """Returns what value `at` is worth; None of fewer than five values, or where all are equal.

    Matérn-5/2, a lengthscale a dimension; mean and scale are integrated out in closed form, lengthscales and noise by
    weighted draws from their priors (Rasmussen & Williams 2006, 2.7 and 5.2; Handcock & Stein 1993). Equal rows of `x`
    tell noise from roughness.

    Args:
        x: Places in the unit cube, shape (n, d).
        y: Values there, smaller is better, shape (n,).
        at: Which one.
        extra: Variance that a value has beyond the noise of all, shape (n,), in squared units of y.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    rows = _subset(x, at, rng)
    x, y = x[rows], _without_tail(y[rows])
    more = np.zeros(len(y)) if extra is None else extra[rows]
    at = int(np.flatnonzero(rows == at)[0])
    spread = float(np.std(y))
    if len(y) < MIN_TRIALS or spread <= 1e-12 * max(1.0, float(np.max(np.abs(y)))):
        return None
    center = float(np.mean(y))
    z, more = (y - center) / spread, more / spread**2
    kernels = _correlations(x, rng)
    noise = np.exp(rng.uniform(np.log(0.01), np.log(10.0), N_DRAWS))
    means, variances, weights = _posterior(kernels, noise, more, z, at)
    mean = float(weights @ means)
    sd = float(np.sqrt(weights @ (variances + (means - mean) ** 2)))
    reach = _quantile(len(z) - 1) * sd
    return Shrunken(*(center + spread * value for value in (mean, mean - reach, mean + reach)))


def _posterior(kernels: Floats, noise: Floats, more: Floats, z: Floats, at: int) -> tuple[Floats, Floats, Floats]:
    """Returns each draw's mean and variance of what is behind value `at`, and its weight."""
    n = len(z)
    whole = kernels + np.eye(n) * (noise[:, None, None] + 1e-8) + np.diag(more)
    lower = np.linalg.cholesky(whole)
    everywhere = (len(noise), n)
    sides = np.stack([np.ones(everywhere), np.broadcast_to(z, everywhere), kernels[:, at]])
    ones, values, cross = np.moveaxis(np.linalg.solve(lower, np.moveaxis(sides, 0, -1)), -1, 0)
    precision = np.sum(ones**2, axis=1)
    level = np.sum(ones * values, axis=1) / precision
    rest = values - level[:, None] * ones
    scale = np.sum(rest**2, axis=1) / (n - 1)
    logs = -np.sum(np.log(np.diagonal(lower, axis1=1, axis2=2)), axis=1)
    logs -= (n - 1) / 2 * np.log(scale) + np.log(precision) / 2
    weights = np.exp(logs - np.max(logs))
    gap = 1 - np.sum(ones * cross, axis=1)
    variances = scale * np.maximum(1 - np.sum(cross**2, axis=1) + gap**2 / precision, 0.0)
    return level + np.sum(cross * rest, axis=1), variances, weights / np.sum(weights)


def _correlations(x: Floats, rng: np.random.Generator) -> Floats:
    """Returns Matérn-5/2 between all places for each draw of lengthscales, shape (draws, n, n)."""
    d = x.shape[1]
    lengths = np.exp(rng.normal(np.log(0.5 * max(d, 1) ** 0.5), 1.0, (N_DRAWS, d)))
    squares = (x[:, None, :] - x[None, :, :]) ** 2
    distance = SQRT5 * np.sqrt(np.tensordot(1 / lengths**2, squares, axes=(1, 2)))
    return (1 + distance + distance**2 / 3) * np.exp(-distance)


def _subset(x: Floats, at: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Returns the rows that are looked at, chosen by their places alone: choosing by values would be luck again."""
    if len(x) <= MAX_TRIALS:
        return np.arange(len(x))
    near = np.argsort(np.sum((x - x[at]) ** 2, axis=1), kind="stable")
    others = rng.choice(near[NEAREST:], MAX_TRIALS - NEAREST, replace=False)
    return np.sort(np.union1d(np.append(near[: NEAREST - 1], at), others))


def _without_tail(y: Floats) -> Floats:
    """Returns the values with the bad ones cut: how bad a bad one is says nothing of the best."""
    middle = float(np.median(y))
    return np.minimum(y, middle + 3 * (middle - float(np.min(y))))


def mean_interval(values: Floats) -> Shrunken | None:
    """Returns the mean of values that chose nothing, with Student's interval of it; None of fewer than two."""
    n = len(values)
    if n < 2:
        return None
    mean = float(np.mean(values))
    reach = _quantile(n - 1) * float(np.std(values, ddof=1)) / n**0.5
    return Shrunken(mean, mean - reach, mean + reach)


def _quantile(degrees: int) -> float:
    """Returns the .975 quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))
