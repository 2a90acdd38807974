"""Loss, accuracy and macro-F1 of a network over a part, from one pass.

Used on the validation part after each epoch and on the test part once; no training here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from hpo.batches import Batches
from hpo.scoring import Scores, score_predictions


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
