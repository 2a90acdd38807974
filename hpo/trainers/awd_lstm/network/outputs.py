"""The probabilities that a network gives texts, each as if it were alone.

Which network and which texts is known to those who ask: `answers` and the test of a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from hpo.data.metrics import Measure, Scores, score_predictions
from hpo.data.vocabulary import Part
from hpo.trainers.awd_lstm.network.batches import PAD, Batches
from hpo.trainers.awd_lstm.network.classifier import Architecture, heads_of

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
    alone: bool = False,
) -> Probabilities:
    """Returns the probabilities of each text, shape (texts, classes), whatever stands beside it.

    Libraries multiply matrices of other shapes in other orders, so the last digits depend on how many rows and columns
    a batch has, and on some processors on where in it a row stands. With `alone` a batch has the shape that follows
    from its texts, filled up with one of them, and its few last products are made in twice the digits that
    count: these are the same whatever is asked beside a text, at the cost of the filling.

    In a batch with much longer texts fastai's pooling (fastai.text.models.core.masked_concat_pool) takes a padded
    place for the last token of a text that begins in the last `bptt` columns, and beyond `max_len` a text may lose
    its first tokens. So texts are put together only where neither can happen.
    """
    network.eval()
    batches = Batches(part, batch_size=batch_size, bptt=architecture.bptt, device=device)
    found = np.empty((len(part), architecture.n_classes), dtype=np.float64)
    lengths = np.diff(part.offsets)
    if alone:
        with _wide_heads(network):
            for rows, shape in _shapes(lengths, architecture, batch_size):
                ids = torch.full(shape, PAD, dtype=torch.int64, device=device)
                some = batches.ids_of(rows)
                ids[: len(rows), : some.shape[1]] = some
                ids[len(rows) :] = ids[0]
                logits = network(ids)[0][: len(rows)].float()
                found[rows] = logits.double().softmax(1).cpu().numpy()
        return found
    for rows in _groups(lengths, architecture, batch_size):
        found[rows] = network(batches.ids_of(rows))[0].double().softmax(1).cpu().numpy()
    return found


@contextmanager
def _wide_heads(network: nn.Module) -> Iterator[None]:
    """Lets the heads compute in double precision; the recurrent bodies are the same in every row as they are."""

    def widen(_: nn.Module, given: Any) -> Any:
        (outputs, mask), *others = given
        return ((outputs.double(), mask), *others)

    heads = heads_of(network)
    hooks = [head.double().register_forward_pre_hook(widen) for head in heads]
    try:
        yield
    finally:
        for head, hook in zip(heads, hooks, strict=True):
            head.float()
            hook.remove()


def _shapes(lengths: Rows, architecture: Architecture, batch_size: int) -> Iterator[tuple[Rows, tuple[int, int]]]:
    """Yields rows that share a batch and its shape, which follows from the length of any of them.

    The longer texts are, the fewer share a batch: what is filled up never costs more than a full one of short ones.
    """
    bptt = architecture.bptt
    step = max(1, bptt // 4)
    widths = np.where(lengths <= bptt, -(-lengths // step) * step, -(-lengths // bptt) * bptt)
    widths = np.where(lengths <= bptt, np.minimum(widths, bptt), widths)
    is_whole = widths <= architecture.max_len - bptt  # of longer ones the width decides what is kept
    for width in np.unique(widths[is_whole]):
        n_rows = max(1, batch_size * bptt // max(bptt, int(width)))
        members = np.flatnonzero(is_whole & (widths == width))
        for start in range(0, len(members), n_rows):
            yield members[start : start + n_rows], (n_rows, int(width))
    for row in np.flatnonzero(~is_whole):
        yield np.array([row]), (1, int(lengths[row]))


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
def score(
    model: nn.Module,
    batches: Batches,
    after_batch: Callable[[], None] = lambda: None,
    *,
    measure: Measure | None = None,
) -> Scores:
    """Returns the scores of `model`, which is left in evaluation mode. Waits for the GPU only at the end."""
    model.eval()
    losses, predicted, labels, probabilities = [], [], [], []
    for ids, targets in batches:
        logits = model(ids)[0].float()
        losses.append(cross_entropy(logits, targets, reduction="sum"))
        predicted.append(logits.argmax(1))
        labels.append(targets)
        if measure:
            probabilities.append(logits.double().softmax(1))
        after_batch()
    loss = torch.stack(losses).double().sum().item() / batches.n_rows
    found = torch.cat(probabilities).cpu().numpy() if measure else None
    return score_predictions(loss, torch.cat(labels).cpu().numpy(), torch.cat(predicted).cpu().numpy(), found, measure)
