"""The baseline of prepared data: a linear model of words and word pairs, fitted in seconds, for networks to beat.

Fitted on the train part when data is prepared, its settings chosen without the test part; what a bag is, is `bags`'s
concern.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.bags import find_bags
from hpo.data.metrics import all_measures, score_each_class, score_probabilities
from hpo.data.regressions import Logits, Weights, calibrate, finite, fit_regression, softmax
from hpo.data.vocabulary import Part

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NB, IDF, BAYES = "naive-Bayes weights", "tf-idf", "naive Bayes"
# The inverse strengths of the L2 penalty to choose from; bags of unit length need a weak one. The first are tried where
# not all can be.
GRID = ((NB, 30.0), (IDF, 100.0), (NB, 10.0), (IDF, 30.0), (NB, 100.0), (IDF, 300.0))
N_FOLDS = 3
N_SMALL = 2_000  # a valid part of fewer texts is too small to choose by
MAX_WORK = 100_000_000  # entries of the bags, times classes, times fits: about a minute of one core
MAX_SCORES = 100_000_000  # texts times classes of a part: 400 MB
BAYES_COUNT = 0.1  # what a class is taken to have of a word that none of its texts has

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Baseline:
    """What the linear model came to.

    Attributes:
        valid: Its metrics on the valid part, as an epoch's report names them; {} without a model.
        test: Its metrics on the test part, and `loss`.
        settings: What was chosen, in words; without a model why there is none.
        cpu_s: Processor seconds that choosing and fitting took.
        of_classes: By part and metric, those that may be about one class, for each of them.
    """

    valid: dict[str, float]
    test: dict[str, float]
    settings: str
    cpu_s: float = 0.0
    of_classes: Mapping[str, Mapping[str, Sequence[float | None]]] = field(default_factory=dict)

    def about(self, positive: int | None) -> Baseline:
        """Returns the same as a study measures that is about one class, `study.positive`; None: about all."""
        if positive is None or not self.of_classes:
            return self

        def about(part: str, scores: Mapping[str, float]) -> dict[str, float]:
            of = {metric: values[positive] for metric, values in self.of_classes[part].items()}
            others = {metric: value for metric, value in scores.items() if metric not in of}
            return others | {metric: value for metric, value in of.items() if value is not None}

        return replace(self, valid=about("valid", self.valid), test=about("test", self.test))

    @property
    def facts(self) -> dict[str, float | str]:
        """What the record of a study says of it; {} without a model."""
        if not self.valid:
            return {}
        scores = {f"baseline_{metric}": value for metric, value in self.valid.items()}
        return {**scores, "baseline_settings": self.settings, "baseline_cpu_s": self.cpu_s}


def fit_baseline(parts: Mapping[str, Part], is_word: NDArray[np.bool_], *, n_classes: int) -> Baseline:
    """Returns what a linear model of the train part reaches on the other parts.

    The mean of two logistic regressions, one class against the rest, on tf-idf of words and word pairs: the tf-idf as
    it is, and times the log ratio of naive Bayes (Wang and Manning 2012, section 2.3). The penalty of each is chosen by
    the loss on the valid part, or, where that is small, by cross-validation in the train part. Where regressions would
    take minutes, as of a thousand classes, it is naive Bayes.

    Args:
        parts: The texts of train, valid and test, as codes.
        is_word: Whether a code is that of a word, not of a special token.
        n_classes: How many classes there are.

    Raises:
        ValueError: If the data are too large for one, or nothing can be learned from the train part.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: F401  its import is not on the clock

    largest = max(len(part) for part in parts.values())
    if largest * n_classes > MAX_SCORES:
        raise ValueError(f"{largest:,} texts times {n_classes:,} classes are too many for it")
    started = time.process_time()
    train = parts["train"]
    bags = find_bags(train, is_word)
    data = _Data(bags.of(train), np.asarray(train.labels), n_classes)
    valid_bags, valid_labels = bags.of(parts["valid"]), np.asarray(parts["valid"].labels)
    tried, has_folds = _affordable(data, len(parts["valid"]))
    fitted: dict[tuple[str, float], Weights] = {}
    if has_folds:
        held_labels, held_out = _cross_validate(data, tried)
    else:
        fitted = {setting: _fit(data, setting) for setting in tried}
        held_labels, held_out = valid_labels, [model.logits(valid_bags) for model in fitted.values()]
    chosen, scales = _choose(tried, held_out, held_labels)
    models = [fitted.get(setting) or _fit(data, setting) for setting in chosen]

    def probabilities(of: csr_array[Any]) -> NDArray[np.float64]:
        each = [scale * model.logits(of) for scale, model in zip(scales, models, strict=True)]
        return softmax(np.sum(each, axis=0))

    measure = all_measures(None, ())
    on_valid, on_test = probabilities(valid_bags), probabilities(bags.of(parts["test"]))
    test_labels = np.asarray(parts["test"].labels)
    by = f", by {N_FOLDS}-fold cross-validation" if has_folds else ", by the valid part" if len(tried) > 2 else ""
    return Baseline(
        valid=score_probabilities(on_valid, valid_labels, measure).metrics,
        test=score_probabilities(on_test, test_labels, measure).plain,
        settings=f"{'words and word pairs' if len(bags.pairs) else 'words'}, {_in_words(chosen)}{by}",
        cpu_s=round(time.process_time() - started, 1),
        of_classes={
            "valid": score_each_class(on_valid, valid_labels),
            "test": score_each_class(on_test, test_labels),
        },
    )


def _in_words(chosen: Sequence[tuple[str, float]]) -> str:
    return " and ".join(kind if kind == BAYES else f"{kind} (C={strength:g})" for kind, strength in chosen)


def _choose(
    tried: Sequence[tuple[str, float]], held_out: Sequence[Logits], labels: Labels
) -> tuple[list[tuple[str, float]], list[float]]:
    """Returns the best setting of each kind, and by what to multiply their logits before they are added."""
    scaled = [calibrate(logits, labels) for logits in held_out]
    kinds = dict.fromkeys(kind for kind, _ in tried)
    best = [min((i for i in range(len(tried)) if tried[i][0] == kind), key=lambda i: scaled[i][1]) for kind in kinds]
    both, _ = calibrate(np.sum([scaled[i][0] * held_out[i] for i in best], axis=0), labels)
    return [tried[i] for i in best], [both * scaled[i][0] for i in best]


@dataclass(frozen=True)
class _Data:
    bags: csr_array[Any]
    labels: Labels
    n_classes: int

    @property
    def classes(self) -> Sequence[int]:
        """The classes that have a regression: of two only the second."""
        return range(self.n_classes) if self.n_classes > 2 else [1]

    def rows(self, rows: NDArray[np.intp]) -> _Data:
        return _Data(self.bags[rows], self.labels[rows], self.n_classes)


def _affordable(data: _Data, n_valid: int) -> tuple[list[tuple[str, float]], bool]:
    """Returns the settings there is time to try, the best guess first, and whether by cross-validation."""
    n_fits = MAX_WORK // max(1, data.bags.nnz * len(data.classes))
    if n_fits < 2:
        return [GRID[0] if n_fits else (BAYES, 0.0)], False
    n_tried = (n_fits - 2) // (N_FOLDS - 1)  # each fold leaves a part of the texts out
    if n_valid < N_SMALL and n_tried >= 2 and data.bags.shape[0] >= N_FOLDS:
        return list(GRID[:n_tried]), True
    return list(GRID[:n_fits]), False


def _fit(data: _Data, setting: tuple[str, float]) -> Weights:
    kind, strength = setting
    return _fit_bayes(data) if kind == BAYES else _fit_regressions(data, strength, is_weighted=kind == NB)


def _fit_regressions(data: _Data, strength: float, *, is_weighted: bool) -> Weights:
    fits = [
        fit_regression(data.bags, data.labels == label, strength=strength, is_weighted=is_weighted)
        for label in data.classes
    ]
    return Weights(np.stack([row for row, _ in fits]), finite(np.array([bias for _, bias in fits])))


def _fit_bayes(data: _Data) -> Weights:
    """Returns multinomial naive Bayes of the bags; its weights are as sparse as the texts."""
    from scipy.sparse import csr_array

    n_texts, n_columns = data.bags.shape
    at = (data.labels, np.arange(n_texts))
    sums = csr_array((np.ones(n_texts), at), shape=(data.n_classes, n_texts)) @ data.bags
    total = np.log(np.asarray(sums.sum(axis=1)).ravel() + BAYES_COUNT * n_columns)
    sums.data = np.log(sums.data + BAYES_COUNT) - np.log(BAYES_COUNT)
    prior = np.log((np.bincount(data.labels, minlength=data.n_classes) + 1) / (n_texts + data.n_classes))
    return Weights(sums, prior, np.log(BAYES_COUNT) - total)


def _cross_validate(data: _Data, tried: Sequence[tuple[str, float]]) -> tuple[Labels, list[Logits]]:
    """Returns the labels of the train part and its logits by each setting, each text's from a model without it."""
    from sklearn.model_selection import KFold

    folds = list(KFold(N_FOLDS, shuffle=True, random_state=0).split(data.labels))
    parts = [(data.rows(kept), data.bags[held]) for kept, held in folds]
    labels = np.concatenate([data.labels[held] for _, held in folds])
    return labels, [np.concatenate([_fit(part, setting).logits(held) for part, held in parts]) for setting in tried]
