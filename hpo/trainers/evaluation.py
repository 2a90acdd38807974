"""What the test of a trial finds beside its scores: where the network errs, how sure it was, what it was shown.

Plain data for `evaluation.json`; how it looks is decided in `model.documents`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.corpus import Corpus
from hpo.data.vocabulary import as_seen

HAS_READ_TEST = "has_read_test"
N_BINS, N_MISTAKES, N_SHOWN, N_SHOWN_PER_CLASS = 10, 25, 12, 2
MAX_CHARS = 2_000

Probabilities = NDArray[np.float64]


def evaluate(
    corpus: Corpus,
    probabilities: Probabilities,
    *,
    positive: str = "",
    is_ensemble: bool = False,
    has_read_test: bool = False,
) -> dict[str, Any]:
    """Returns everything shown of a test.

    Args:
        corpus: The prepared data.
        probabilities: Those of its test part, shape (texts, classes).
        positive: The class that the baseline's scores are about, if one is named.
        is_ensemble: Whether they are means over a forward and a backward classifier.
        has_read_test: Whether an encoder was trained on the texts of the test part.
    """
    labels = np.asarray(corpus.test.labels)
    n_classes = len(corpus.classes)
    predicted = probabilities.argmax(1)
    flat = np.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    confusion = flat.reshape(n_classes, n_classes)
    calibration = list(_calibration(probabilities.max(1), predicted == labels))
    return {
        "classes": corpus.classes,
        "confusion": confusion.tolist(),
        "per_class": [_class_row(name, confusion, i) for i, name in enumerate(corpus.classes)],
        "calibration": calibration,
        # the expected calibration error (Guo et al. 2017, section 2): mean distance in the bins
        "calibration_error": sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in calibration) / len(labels),
        "mistakes": _mistakes(corpus, probabilities, labels, predicted),
        "shown": list(_shown(corpus)),
        "baseline": corpus.baseline_about(positive).test,
        **({"is_ensemble": True} if is_ensemble else {}),
        **({HAS_READ_TEST: True} if has_read_test else {}),
    }


def _class_row(name: str, confusion: NDArray[np.int64], i: int) -> dict[str, object]:
    hits, n_true, n_said = int(confusion[i, i]), int(confusion[i].sum()), int(confusion[:, i].sum())
    return {
        "class": name,
        "n": n_true,
        "precision": hits / n_said if n_said else None,
        "recall": hits / n_true if n_true else None,
        "f1": 2 * hits / (n_true + n_said) if n_true + n_said else None,
    }


def _calibration(confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> Iterator[dict[str, float]]:
    """Yields, for each tenth of confidence that occurs, how sure the network was and how often it was right."""
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    for number in range(N_BINS):
        inside = bins == number
        if inside.any():
            yield {
                "low": number / N_BINS,
                "high": (number + 1) / N_BINS,
                "n": int(inside.sum()),
                "confidence": float(confidence[inside].mean()),
                "accuracy": float(is_right[inside].mean()),
            }


def _mistakes(
    corpus: Corpus, probabilities: Probabilities, labels: NDArray[np.int64], predicted: NDArray[np.int64]
) -> list[dict[str, object]]:
    """Returns the mistakes the network was most sure of, with their texts."""
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][:N_MISTAKES].tolist()
    texts = corpus.test_texts(set(worst))
    return [
        {
            "label": corpus.classes[int(labels[row])],
            "predicted": corpus.classes[int(predicted[row])],
            "probability": float(probabilities[row, predicted[row]]),
            "of_label": float(probabilities[row, labels[row]]),
            "text": (texts.get(row) or as_seen(corpus.test, row, corpus.vocab))[:MAX_CHARS],
        }
        for row in worst
    ]


def _shown(corpus: Corpus) -> Iterator[dict[str, str]]:
    """Yields texts of the train part as the network sees them, some of each class."""
    labels = np.asarray(corpus.train.labels)
    n_each = max(1, min(N_SHOWN_PER_CLASS, N_SHOWN // len(corpus.classes)))
    for i, name in list(enumerate(corpus.classes))[:N_SHOWN]:
        for row in np.flatnonzero(labels == i)[:n_each]:
            yield {"label": name, "text": as_seen(corpus.train, int(row), corpus.vocab)[:MAX_CHARS]}
