"""What is measured of a part's predictions: numbers only, whoever made them.

The metrics that every epoch has are counted here, all others are scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from hpo.config.metric import OTHERS

Probabilities = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Measure:
    """What is measured beside loss, accuracy and macro-F1.

    Attributes:
        metrics: Which of `OTHERS`; one that is not defined on a part is left out.
        positive: The class that `f1` and, if it is named, `average_precision` are about, by its number.
    """

    metrics: Collection[str] = ()
    positive: int | None = None


@dataclass(frozen=True)
class Scores:
    """Means over a part; `loss` in nats; `others` are what a `Measure` asks for."""

    loss: float
    accuracy: float
    macro_f1: float
    others: Mapping[str, float]

    @property
    def metrics(self) -> dict[str, float]:
        """What an epoch's report says of them."""
        return {"valid_loss": self.loss, "accuracy": self.accuracy, "macro_f1": self.macro_f1, **self.others}

    @property
    def plain(self) -> dict[str, float]:
        """The same without the name of a part."""
        return {"loss": self.loss, "accuracy": self.accuracy, "macro_f1": self.macro_f1, **self.others}


def measure_of(metric: str, positive: str | None, classes: Sequence[str]) -> Measure:
    """Returns what the epochs of a study measure: its metric and, where a class is named, its F1."""
    wanted = [name for name in OTHERS if name == metric or (name == "f1" and positive)]
    return Measure(wanted, classes.index(positive) if positive else None)


def all_measures(positive: str | None, classes: Sequence[str]) -> Measure:
    """Returns what a test measures."""
    return Measure(tuple(OTHERS), classes.index(positive) if positive else None)


def score_probabilities(probabilities: Probabilities, labels: Labels, measure: Measure | None = None) -> Scores:
    """Returns the scores of given probabilities, shape (rows, classes)."""
    picked = np.maximum(probabilities[np.arange(len(labels)), labels], np.finfo(np.float64).tiny)
    loss = float(-np.log(picked).mean())
    return score_predictions(loss, labels, probabilities.argmax(1), probabilities, measure)


def score_each_class(probabilities: Probabilities, labels: Labels) -> dict[str, list[float | None]]:
    """Returns F1 and average precision of each class against the rest; None for one that no text is of."""
    from sklearn import metrics

    n_classes, predicted = probabilities.shape[1], probabilities.argmax(1)
    hits = np.bincount(labels[labels == predicted], minlength=n_classes)
    n_true, n_said = np.bincount(labels, minlength=n_classes), np.bincount(predicted, minlength=n_classes)
    present = np.flatnonzero(n_true)
    found: dict[str, list[float | None]] = {"average_precision": [None] * n_classes, "f1": [None] * n_classes}
    for k in present:
        found["average_precision"][k] = float(metrics.average_precision_score(labels == k, probabilities[:, k]))
        found["f1"][k] = float(2 * hits[k] / (n_true[k] + n_said[k]))
    return found


def score_predictions(
    loss: float,
    labels: Labels,
    predicted: Labels,
    probabilities: Probabilities | None = None,
    measure: Measure | None = None,
) -> Scores:
    """Returns the scores of given predictions; `loss` is known already, the probabilities are for other metrics."""
    n_classes = int(max(labels.max(), predicted.max())) + 1
    confusion = np.bincount(labels * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)
    hits = confusion.diagonal()
    seen = confusion.sum(0) + confusion.sum(1)  # 2 TP + FP + FN
    # a class neither present nor predicted has no F1; the mean leaves it out, as scikit-learn's does
    f1 = 2 * hits[seen > 0] / seen[seen > 0]
    others = {} if probabilities is None or measure is None else _others(labels, predicted, probabilities, measure)
    return Scores(float(loss), float(hits.sum() / len(labels)), float(f1.mean()), others)


def obstacle_to(metric: str, positive: int | None, labels: Labels) -> str:
    """Returns why a metric is not defined on a part with these labels; "" if it is."""
    if metric in ("f1", "average_precision") and positive is not None and not (labels == positive).any():
        return "none of its texts is of that class"
    if metric in OTHERS and metric != "f1" and len(np.unique(labels)) < 2:
        return "all of its texts are of one class"
    return ""


def find_class(name: str, classes: Sequence[str], *, setting: str) -> int:
    """Returns the number of a class.

    Raises:
        ValueError: If there is none of that name; the message lists them.
    """
    if name in classes:
        return classes.index(name)
    close = get_close_matches(name, classes, n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    raise ValueError(f"{setting}={name} is no class{meant}; give one of {shown(classes)}.")


def shown(classes: Sequence[str], *, limit: int = 20) -> str:
    """Returns the names of classes in a row, not too many of them."""
    more = f" and {len(classes) - limit} more" if len(classes) > limit else ""
    return ", ".join(map(repr, classes[:limit])) + more


def _others(labels: Labels, predicted: Labels, probabilities: Probabilities, measure: Measure) -> dict[str, float]:
    if not measure.metrics:
        return {}
    from sklearn import metrics

    one = measure.positive

    def ranked(score: Callable[..., float]) -> float:
        return _over_classes(score, labels, probabilities)

    def average_precision() -> float:
        if one is None:
            return ranked(metrics.average_precision_score)
        return float(metrics.average_precision_score(labels == one, probabilities[:, one]))

    computed: dict[str, Callable[[], float]] = {
        "balanced_accuracy": lambda: float(
            metrics.recall_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0)
        ),
        "roc_auc": lambda: ranked(metrics.roc_auc_score),
        "average_precision": average_precision,
        "mcc": lambda: float(metrics.matthews_corrcoef(labels, predicted)),
        "f1": lambda: float(metrics.f1_score(labels == one, predicted == one, zero_division=0)),
    }
    defined = [name for name in measure.metrics if not obstacle_to(name, measure.positive, labels)]
    return {name: computed[name]() for name in defined if name != "f1" or one is not None}


def _over_classes(score: Callable[..., float], labels: Labels, probabilities: Probabilities) -> float:
    """Returns the mean over the classes that occur, each against the rest (what scikit-learn calls ovr and macro)."""
    return float(np.mean([score(labels == k, probabilities[:, k]) for k in np.unique(labels)]))
