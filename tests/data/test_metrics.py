"""Metrics of classifiers against scikit-learn's, and what is said of those that are not defined."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from hpo.config.metric import KNOWN, OTHERS, Direction
from hpo.data.metrics import (
    Measure,
    all_measures,
    find_class,
    measure_of,
    obstacle_to,
    score_predictions,
    score_probabilities,
)

CLASSES = ("egg", "ham", "spam")


def predictions(n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = generator.integers(n_classes, size=200)
    chances = generator.dirichlet(np.ones(n_classes), 200) + 0.3 * np.eye(n_classes)[labels]
    return chances / chances.sum(1, keepdims=True), labels


@pytest.mark.parametrize("n_classes", [2, 3])
def test_all_metrics_are_those_of_scikit_learn(n_classes: int) -> None:
    chances, labels = predictions(n_classes)
    said = chances.argmax(1)
    found = score_probabilities(chances, labels, Measure(tuple(OTHERS), 1)).metrics
    auc = (
        sk.roc_auc_score(labels, chances[:, 1])
        if n_classes == 2
        else sk.roc_auc_score(labels, chances, multi_class="ovr")
    )
    assert found == pytest.approx(
        {
            "valid_loss": sk.log_loss(labels, chances),
            "accuracy": sk.accuracy_score(labels, said),
            "macro_f1": sk.f1_score(labels, said, average="macro"),
            "balanced_accuracy": sk.balanced_accuracy_score(labels, said),
            "roc_auc": auc,
            "average_precision": sk.average_precision_score(labels == 1, chances[:, 1]),
            "mcc": sk.matthews_corrcoef(labels, said),
            "f1": sk.f1_score(labels == 1, said == 1),
        }
    )
    mean = score_probabilities(chances, labels, Measure(["average_precision"])).others["average_precision"]
    assert mean == pytest.approx(sk.average_precision_score(np.eye(n_classes)[labels], chances, average="macro"))


def test_no_other_metric_is_measured_unless_asked_for() -> None:
    chances, labels = predictions(3)
    assert set(score_probabilities(chances, labels).metrics) == {"valid_loss", "accuracy", "macro_f1"}
    assert score_predictions(0.5, labels, labels).others == {}
    assert measure_of("accuracy", None, CLASSES) == Measure([], None)
    assert measure_of("mcc", None, CLASSES) == Measure(["mcc"], None)
    assert measure_of("roc_auc", "spam", CLASSES) == Measure(["roc_auc", "f1"], 2)
    assert all_measures("ham", CLASSES) == Measure(tuple(OTHERS), 1)
    assert set(OTHERS.values()) == {Direction.maximize} == {KNOWN[name] for name in OTHERS}


@pytest.mark.filterwarnings("error")
def test_what_is_not_defined_on_a_part_is_left_out() -> None:
    chances, _ = predictions(3)
    one_class = np.zeros(200, dtype=np.int64)
    assert score_probabilities(chances, one_class, Measure(tuple(OTHERS), 2)).others == {}
    assert set(score_probabilities(chances, one_class, Measure(tuple(OTHERS), 0)).others) == {"f1"}
    two = one_class.copy()
    two[:50] = 1  # the mean is over the classes that are there
    found = score_probabilities(chances, two, Measure(["roc_auc", "balanced_accuracy"])).others
    aucs = [sk.roc_auc_score(two == k, chances[:, k]) for k in (0, 1)]
    assert found["roc_auc"] == pytest.approx(np.mean(aucs))
    recalls = [(chances.argmax(1)[two == k] == k).mean() for k in (0, 1)]
    assert found["balanced_accuracy"] == pytest.approx(np.mean(recalls))


@pytest.mark.parametrize(
    ("metric", "positive", "labels", "sentence"),
    [
        ("roc_auc", None, [1, 1], "all of its texts are of one class"),
        ("mcc", None, [0, 0], "all of its texts are of one class"),
        ("f1", 2, [0, 1], "none of its texts is of that class"),
        ("average_precision", 2, [0, 1], "none of its texts is of that class"),
        ("average_precision", None, [0, 1], ""),
        ("f1", 1, [1, 1], ""),
        ("accuracy", 2, [1, 1], ""),
    ],
)
def test_why_a_metric_is_not_defined(metric: str, positive: int | None, labels: list[int], sentence: str) -> None:
    assert obstacle_to(metric, positive, np.array(labels)) == sentence


def test_a_wrong_class_lists_the_classes() -> None:
    assert find_class("ham", CLASSES, setting="study.positive") == 1
    sentence = r"^study\.positive=Spam is no class \(did you mean 'spam'\?\); give one of 'egg', 'ham', 'spam'\.$"
    with pytest.raises(ValueError, match=sentence):
        find_class("Spam", CLASSES, setting="study.positive")
