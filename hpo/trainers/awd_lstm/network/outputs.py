"""The probabilities that a network gives texts, each as if it were alone.

Which network and which texts is known to those who ask: `answers` and the test of a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from hpo.data.metrics import Scores, score_predictions
from hpo.data.vocabulary import Part
from hpo.trainers.awd_lstm.network.batches import Batches
from hpo.trainers.awd_lstm.network.classifier import Architecture

Rows = NDArray[np.int64]
Probabilities = NDArray[np.float64]


@torch.no_grad()
def class_probabilities(
    network: nn.Module,
    architecture: Architecture,
    part: Part,
    *,
    batch_size: int,
    device: torch.device | str = "cpu",
) -> Probabilities:
    """Returns the probabilities of each text, shape (texts, classes), whatever stands beside it.

    In a batch with much longer texts fastai's pooling (fastai.text.models.core.masked_concat_pool) takes a padded
    place for the last token of a text that begins in the last `bptt` columns, and beyond `max_len` a text may lose
    its first tokens. So texts are put together only where neither can happen.
    """
    network.eval()
    batches = Batches(part, batch_size=batch_size, bptt=architecture.bptt, device=device)
    found = np.empty((len(part), architecture.n_classes), dtype=np.float64)
    for rows in _groups(np.diff(part.offsets), architecture, batch_size):
        found[rows] = network(batches.ids_of(rows))[0].double().softmax(1).cpu().numpy()
    return found


def _groups(lengths: Rows, architecture: Architecture, batch_size: int) -> Iterator[Rows]:
    """Yields rows, longest first, that may share a batch."""
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = int(lengths[order[start]])
        is_alone = longest > architecture.max_len - architecture.bptt
        some = order[start : start + (1 if is_alone else batch_size)]
        some = some[lengths[some] > longest - architecture.bptt]
        yield some
        start += len(some)


@torch.no_grad()
def score(model: nn.Module, batches: Batches, after_batch: Callable[[], None] = lambda: None) -> Scores:
    """Returns the scores of `model`, which is left in evaluation mode. Waits for the GPU only at the end."""
    model.eval()
    losses, predicted, labels = [], [], []
    for ids, targets in batches:
        logits = model(ids)[0].float()
        losses.append(cross_entropy(logits, targets, reduction="sum"))
        predicted.append(logits.argmax(1))
        labels.append(targets)
        after_batch()
    loss = torch.stack(losses).double().sum().item() / batches.n_rows
    return score_predictions(loss, torch.cat(labels).cpu().numpy(), torch.cat(predicted).cpu().numpy())
