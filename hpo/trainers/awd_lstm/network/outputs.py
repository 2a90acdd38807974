"""The probabilities that a network gives texts, each as if it were alone.

Which network and which texts is known to those who ask: `answers` and the test of a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

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
    autocast: AbstractContextManager[object] | None = None,
) -> Probabilities:
    """Returns the probabilities of each text, shape (texts, classes), whatever stands beside it.

    In a batch with much longer texts fastai's pooling (fastai.text.models.core.masked_concat_pool) takes a padded
    place for the last token of a text that begins in the last `bptt` columns, and beyond `max_len` a text may lose
    its first tokens. So texts are put together only where neither can happen.
    """
    network.eval()
    found = np.empty((len(part), architecture.n_classes), dtype=np.float64)
    with autocast or nullcontext():
        for rows in _groups(np.diff(part.offsets), architecture, batch_size):
            ids, _ = next(
                iter(Batches(_select(part, rows), batch_size=len(rows), bptt=architecture.bptt, device=device))
            )
            found[rows] = network(ids)[0].double().softmax(1).cpu().numpy()
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


def _select(part: Part, rows: Sequence[int] | Rows) -> Part:
    texts = [part.ids[part.offsets[row] : part.offsets[row + 1]] for row in rows]
    ends = np.cumsum([0, *(len(ids) for ids in texts)], dtype=np.int64)
    return Part(np.concatenate(texts).astype(np.uint32), ends, part.labels[np.asarray(rows)])


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
    return score_predictions(loss, torch.cat(labels).cpu().numpy(), torch.cat(predicted).cpu().numpy())
