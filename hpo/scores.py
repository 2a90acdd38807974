"""Loss, accuracy and macro-F1 of a network over a part, from one pass.

Used on the validation part after each epoch and on the test part once; no training here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from hpo.batches import Batches


@dataclass(frozen=True)
class Scores:
    """Means over a part; `loss` in nats."""

    loss: float
    accuracy: float
    macro_f1: float


@torch.no_grad()
def score(
    model: nn.Module,
    batches: Batches,
    *,
    autocast: AbstractContextManager[object] | None = None,
    after_batch: Callable[[], None] = lambda: None,
) -> Scores:
    """Returns the scores of `model`, which is left in evaluation mode. Waits for the GPU only at the end."""
    model.eval()
    losses, predicted, labels = [], [], []
    with autocast or nullcontext():
        for ids, targets in batches:
            logits = model(ids)[0].float()
            losses.append(cross_entropy(logits, targets, reduction="sum"))
            predicted.append(logits.argmax(1))
            labels.append(targets)
            after_batch()
    loss = torch.stack(losses).double().sum().item() / batches.n_rows
    return _score(loss, torch.cat(labels).cpu().numpy(), torch.cat(predicted).cpu().numpy())


def score_probabilities(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> Scores:
    """Returns the scores of given probabilities, shape (rows, classes)."""
    picked = np.maximum(probabilities[np.arange(len(labels)), labels], np.finfo(np.float64).tiny)
    return _score(float(-np.log(picked).mean()), labels, probabilities.argmax(1))


def _score(loss: float, labels: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64]) -> Scores:
    n_classes = int(max(labels.max(), predicted.max())) + 1
    confusion = np.bincount(labels * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)
    hits = confusion.diagonal()
    seen = confusion.sum(0) + confusion.sum(1)  # 2 TP + FP + FN
    # a class neither present nor predicted has no F1; the mean leaves it out, as scikit-learn's does
    f1 = 2 * hits[seen > 0] / seen[seen > 0]
    return Scores(loss=loss, accuracy=float(hits.sum() / len(labels)), macro_f1=float(f1.mean()))
