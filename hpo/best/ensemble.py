"""Whether several models together are better than the best of them: weights on one half of valid, the decision on the
other.

Pure: how their probabilities are had, and how an ensemble is kept, is `running`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.data.regressions import calibrate, softmax

N_PICKS, N_DRAWS = 20, 200
TINY = np.finfo(np.float64).tiny

Probabilities = NDArray[np.float64]
Labels = NDArray[np.int64]
Score = Callable[[Probabilities, Labels], float]
"""What is optimised, higher being better."""


@dataclass(frozen=True)
class Choice:
    """What became of an ensemble.

    Attributes:
        weights: What the log-probabilities of each model are multiplied by; 0 for one that is left out.
        gain: By how much it is better than the best single model on the half that decides.
        noise: The standard error of that.
        reason: Why it is not kept; "" if it is.
    """

    weights: tuple[float, ...] = ()
    gain: float = 0.0
    noise: float = 0.0
    reason: str = ""


def choose_ensemble(each: Sequence[Probabilities], labels: Labels, score: Score, *, best: int) -> Choice:
    """Returns the ensemble of models, and whether it is to be kept.

    Models are calibrated, then picked one by one, with replacement, as the loss falls most (Caruana et al. 2004), on
    one half of the texts; it is kept if on the other half it beats the best single one by more than the standard error
    of the difference, by the paired bootstrap.

    Args:
        each: The probabilities of each model, shape (texts, classes).
        labels: The classes of the texts.
        score: What is optimised.
        best: Which of the models is the best single one.
    """
    if len(each) < 2:
        return Choice(reason="there is a single model")
    fit, decide = halves(labels)
    if len(np.unique(labels[fit])) < len(np.unique(labels)) or len(np.unique(labels[decide])) < len(np.unique(labels)):
        return Choice(reason="a class has a single text in valid, so that one half of it would lack the class")
    logits = [np.log(np.maximum(probabilities, TINY)) for probabilities in each]
    scales = [calibrate(of_fit[fit], labels[fit])[0] for of_fit in logits]
    picked = _pick([scale * each_logits[fit] for scale, each_logits in zip(scales, logits, strict=True)], labels[fit])
    shares = np.bincount(picked, minlength=len(each)) / len(picked)
    weights = tuple(float(share * scale) for share, scale in zip(shares, scales, strict=True))
    if np.count_nonzero(shares) < 2:
        return Choice(weights, reason="one model alone has the lowest loss")
    together = softmax(np.sum([weight * of for weight, of in zip(weights, logits, strict=True)], axis=0))
    gain = score(together[decide], labels[decide]) - score(each[best][decide], labels[decide])
    noise = _noise(together[decide], each[best][decide], labels[decide], score)
    if gain <= noise:
        return Choice(weights, gain, noise, f"its gain over the best single model is {gain:.4f}, the noise {noise:.4f}")
    if score(together, labels) < score(each[best], labels):
        return Choice(weights, gain, noise, "it is no better than the best single model on all of valid")
    return Choice(weights, gain, noise)


def halves(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the rows of two halves, the texts of each class in turns."""
    order = np.argsort(labels, kind="stable")
    turn = np.arange(len(labels)) - np.searchsorted(labels[order], labels[order])
    return np.sort(order[turn % 2 == 0]), np.sort(order[turn % 2 == 1])


def spread(probabilities: Probabilities, labels: Labels, score: Score) -> float:
    """Returns the standard error of a score, by the bootstrap over texts."""
    rows = np.random.default_rng(0).integers(0, len(labels), (N_DRAWS, len(labels)))
    return float(np.std([score(probabilities[draw], labels[draw]) for draw in rows]))


def _noise(one: Probabilities, other: Probabilities, labels: Labels, score: Score) -> float:
    rows = np.random.default_rng(0).integers(0, len(labels), (N_DRAWS, len(labels)))
    return float(np.std([score(one[draw], labels[draw]) - score(other[draw], labels[draw]) for draw in rows]))


def _pick(logits: Sequence[NDArray[np.float64]], labels: Labels) -> list[int]:
    """Returns the models of the best of the ensembles that grow by one model each time."""
    rows = np.arange(len(labels))

    def loss(total: NDArray[np.float64], n: int) -> float:
        return float(-np.log(np.maximum(softmax(total / n)[rows, labels], TINY)).mean())

    picked: list[int] = []
    losses: list[float] = []
    total = np.zeros_like(logits[0])
    for n in range(1, N_PICKS + 1):
        found = [loss(total + each, n) for each in logits]
        picked.append(int(np.argmin(found)))
        losses.append(min(found))
        total = total + logits[picked[-1]]
    return picked[: int(np.argmin(losses)) + 1]
