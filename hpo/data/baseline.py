"""The baseline of prepared data: logistic regression on bags of words, fitted in seconds, for networks to beat.

Fitted on the train part and scored on the valid part when data is prepared; the test part is for tests.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.vocabulary import SPECIAL, Part

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FILE = "baseline.npz"
C = 10.0  # the inverse strength of the L2 penalty; bags of unit length need a weak one
MAX_ITERATIONS = 200


@dataclass(frozen=True)
class Baseline:
    """A fitted regression: idf, shape (words,); weights, shape (classes, words); bias, shape (classes,)."""

    idf: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def probabilities(self, part: Part) -> NDArray[np.float64]:
        """Returns the probability of each class for each text, shape (texts, classes)."""
        from scipy.special import softmax

        found: NDArray[np.float64] = softmax(_bags(part, self.idf) @ self.weights.T + self.bias, axis=1)
        return found

    def save(self, folder: Path) -> None:
        np.savez(folder / FILE, idf=self.idf, weights=self.weights.astype(np.float32), bias=self.bias)


def fit_baseline(train: Part, *, n_vocab: int, n_classes: int) -> Baseline:
    """Returns the regression of labels on the words of `train`: tf-idf, each text of unit length."""
    from sklearn.linear_model import LogisticRegression

    counts = _count(train, n_vocab)
    n_texts_with = np.asarray((counts > 0).sum(axis=0)).ravel()
    idf = np.log((1 + len(train)) / (1 + n_texts_with)) + 1
    fitted = LogisticRegression(C=C, max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a search cut short is near enough
        fitted.fit(_bags(train, idf), train.labels)
    weights, bias = np.zeros((n_classes, n_vocab)), np.full(n_classes, -np.inf)
    if len(fitted.classes_) == 2:  # one row says it all: the log odds of the second
        first, second = fitted.classes_
        weights[second], bias[[first, second]] = fitted.coef_[0], [0.0, fitted.intercept_[0]]
    else:
        weights[fitted.classes_], bias[fitted.classes_] = fitted.coef_, fitted.intercept_
    return Baseline(idf, weights, bias)


def read_baseline(folder: Path) -> Baseline | None:
    """Returns the baseline kept with prepared data, or None where there is none."""
    path = folder / FILE
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return Baseline(arrays["idf"], arrays["weights"].astype(np.float64), arrays["bias"])


def _bags(part: Part, idf: NDArray[np.float64]) -> csr_array[Any]:
    from scipy.sparse import csr_array, diags_array

    counts = _count(part, len(idf))
    counts.data = 1 + np.log(counts.data)
    bags = csr_array(counts @ diags_array(idf))
    lengths = np.sqrt(np.asarray(bags.multiply(bags).sum(axis=1)).ravel())
    return csr_array(diags_array(1 / np.maximum(lengths, 1e-12)) @ bags)


def _count(part: Part, n_vocab: int) -> csr_array[Any]:
    """Returns how often each word occurs in each text; special tokens are no words."""
    from scipy.sparse import csr_array

    ids = np.asarray(part.ids, dtype=np.int64)
    rows = np.repeat(np.arange(len(part)), np.diff(part.offsets))
    is_word = ids >= len(SPECIAL)
    shape = (len(part), n_vocab)
    return csr_array((np.ones(int(is_word.sum())), (rows[is_word], ids[is_word])), shape=shape)
