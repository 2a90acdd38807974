"""When an ensemble is kept: where it beats the best single model on texts that had no say in it, beyond the noise."""

from __future__ import annotations

import numpy as np

from hpo.best.ensemble import choose_ensemble, halves, spread

N = 800
LABELS = np.random.default_rng(0).integers(0, 3, N)


def score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float((probabilities.argmax(1) == labels).mean())


def model(seed: int, skill: float) -> np.ndarray:
    """Returns probabilities that err independently of other seeds'."""
    logits = np.random.default_rng(seed).normal(size=(N, 3))
    logits[np.arange(N), LABELS] += skill
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def test_models_that_err_elsewhere_are_better_together() -> None:
    each = [model(1, 1.5), model(2, 1.5), model(3, 1.4)]
    best = int(np.argmax([score(p, LABELS) for p in each]))
    choice = choose_ensemble(each, LABELS, score, best=best)
    assert choice.reason == ""
    assert choice.gain > choice.noise > 0
    assert np.count_nonzero(choice.weights) >= 2


def test_a_model_beside_a_much_better_one_gains_nothing() -> None:
    choice = choose_ensemble([model(1, 5.0), model(2, 0.05)], LABELS, score, best=0)
    assert choice.reason


def test_equal_models_gain_nothing() -> None:
    same = model(1, 1.5)
    assert "gain" in choose_ensemble([same, same], LABELS, score, best=0).reason or "alone" in (
        choose_ensemble([same, same], LABELS, score, best=0).reason
    )


def test_one_model_is_no_ensemble() -> None:
    assert choose_ensemble([model(1, 1.0)], LABELS, score, best=0).reason == "there is a single model"


def test_a_class_with_a_single_text_cannot_be_in_both_halves() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2])
    each = [np.full((7, 3), 1 / 3)] * 2
    assert "a class has a single text in valid" in choose_ensemble(each, labels, score, best=0).reason


def test_halves_have_each_class_alike() -> None:
    one, other = halves(LABELS)
    assert sorted([*one, *other]) == list(range(N))
    assert np.abs(np.bincount(LABELS[one]) - np.bincount(LABELS[other])).max() <= 1


def test_the_spread_is_that_of_a_mean() -> None:
    found = model(1, 1.5)
    share = score(found, LABELS)
    assert abs(spread(found, LABELS, score) / np.sqrt(share * (1 - share) / N) - 1) < 0.2
