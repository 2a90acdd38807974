"""The probabilities that a network gives texts, each as if it were alone.

Which network and which texts is known to those who ask: `answers` and the test of a trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hpo.batches import Batches
from hpo.classifier import Architecture
from hpo.ids import Part

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
