"""Loss, accuracy and macro-F1 from probabilities or predictions; numbers only, whoever made them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Scores:
    """Means over a part; `loss` in nats."""

    loss: float
    accuracy: float
    macro_f1: float

    @property
    def metrics(self) -> dict[str, float]:
        """What an epoch's report says of them."""
        return {"valid_loss": self.loss, "accuracy": self.accuracy, "macro_f1": self.macro_f1}


def score_probabilities(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> Scores:
    """Returns the scores of given probabilities, shape (rows, classes)."""
    picked = np.maximum(probabilities[np.arange(len(labels)), labels], np.finfo(np.float64).tiny)
    return score_predictions(float(-np.log(picked).mean()), labels, probabilities.argmax(1))


def score_predictions(loss: float, labels: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> Scores:
    """Returns the scores of given predictions; `loss` is known already."""
    n_classes = int(max(labels.max(), predicted.max())) + 1
    confusion = np.bincount(labels * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)
    hits = confusion.diagonal()
    seen = confusion.sum(0) + confusion.sum(1)  # 2 TP + FP + FN
    # a class neither present nor predicted has no F1; the mean leaves it out, as scikit-learn's does
    f1 = 2 * hits[seen > 0] / seen[seen > 0]
    return Scores(loss=loss, accuracy=float(hits.sum() / len(labels)), macro_f1=float(f1.mean()))
