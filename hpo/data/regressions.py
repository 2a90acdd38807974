"""Regressions of sparse bags, one class against the rest: how one is fitted, and what their weights say of texts.

Which are fitted, and how strongly, is the business of `baseline` and of the trainer of linear models.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.metrics import score_probabilities

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Logits = NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Weights, shape (classes, columns), perhaps sparse; bias and weights of a text's sum, shape (classes,).

    Of two classes only the second has a row.
    """

    weights: Any
    bias: NDArray[np.float64]
    of_sum: NDArray[np.float64] | None = None

    def logits(self, bags: csr_array[Any]) -> Logits:
        """Returns a logit for each text and class, shape (texts, classes)."""
        found = bags @ self.weights.T
        found = (found if isinstance(found, np.ndarray) else found.toarray()) + self.bias
        if self.of_sum is not None:
            found += np.outer(bags.sum(axis=1), self.of_sum)
        if found.shape[1] == 1:
            found = np.hstack([np.zeros_like(found), found])
        return np.asarray(found, dtype=np.float64)


def fit_regression(
    bags: csr_array[Any],
    is_of: NDArray[np.bool_],
    *,
    strength: float,
    is_weighted: bool,
    seed: int = 0,
    text_weights: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float32], float]:
    """Returns weights, shape (columns,), and the bias of one class; -inf or 0.0 where no text or every one is of it.

    Args:
        bags: The texts.
        is_of: Which of them are of the class.
        strength: The inverse strength of the L2 penalty.
        is_weighted: Whether the entries are times the log ratio of naive Bayes (Wang and Manning 2012, section 2.3).
        seed: Of the order in which the solver looks at the texts.
        text_weights: What each text counts; None: 1.
    """
    from scipy.sparse import csr_array
    from sklearn.linear_model import LogisticRegression

    n_columns = bags.shape[1]
    if is_of.all() or not is_of.any():
        return np.zeros(n_columns, dtype=np.float32), 0.0 if is_of.all() else -np.inf
    ratio, entries = None, bags.data
    if is_weighted:
        n_texts = np.bincount(bags.indices, minlength=n_columns)
        ratio = _log_ratio(np.bincount(bags[is_of].indices, minlength=n_columns), n_texts)
        entries = bags.data * ratio[bags.indices]
    # the dual solver of liblinear (Hsieh et al. 2008) needs tens of passes over the entries, whatever the columns
    fitted = LogisticRegression(C=strength, solver="liblinear", dual=True, max_iter=100, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a search cut short is near enough
        fitted.fit(csr_array((entries, bags.indices, bags.indptr), shape=bags.shape), is_of, text_weights)
    row = fitted.coef_[0] if ratio is None else fitted.coef_[0] * ratio
    return row.astype(np.float32), float(fitted.intercept_[0])


def finite(bias: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns a bias for every class: one that the texts do not have is unlikelier than any that they have."""
    return np.where(np.isfinite(bias), bias, min(bias[np.isfinite(bias)], default=0.0) - 10)


def softmax(logits: Logits) -> NDArray[np.float64]:
    """Returns the probabilities of logits, shape (texts, classes)."""
    from scipy.special import softmax as of_rows

    return np.asarray(of_rows(logits, axis=1))


def calibrate(logits: Logits, labels: NDArray[np.int64]) -> tuple[float, float]:
    """Returns the factor by which logits are sharpest without being too sure, and their loss (Guo et al. 2017, 4.2)."""
    from scipy.optimize import minimize_scalar

    def loss(log_scale: float) -> float:
        return score_probabilities(softmax(np.exp(log_scale) * logits), labels).loss

    found = minimize_scalar(loss, bounds=(-4, 4), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x)), float(found.fun)


def _log_ratio(n_of: NDArray[np.int64], n_all: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns how much likelier each column is in the class than in the rest, as a logarithm (their equation 2)."""
    p, q = 1.0 + n_of, 1.0 + n_all - n_of
    return np.asarray(np.log((p / p.sum()) / (q / q.sum())))
