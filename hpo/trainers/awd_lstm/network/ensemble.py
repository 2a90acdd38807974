"""Two classifiers in one network, one that reads each text forwards and one that reads it backwards.

What a learner needs to train them both is here, too; the classifiers themselves are `classifier`'s business.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss

from hpo.trainers.awd_lstm.network.batches import PAD
from hpo.trainers.awd_lstm.network.fastai import Callback, awd_lstm_clas_split


class Ensemble(nn.Module):
    """A forward and a backward classifier whose probabilities are averaged (Howard & Ruder, 2018, section 3.3).

    They share no weight but learn in one loop: one schedule, one optimizer, one checkpoint. Each parameter gets the
    gradient of its own classifier's loss alone (the losses are added), Adam looks at one parameter at a time, and no
    gradient is clipped; so each learns as it would by itself. ULMFiT and fastai train one after the other, which
    differs in the draws of dropout, and in fp16, where one loss scale serves both. It is one loop because then there is
    an ensemble after every epoch, to be measured, pruned and continued as any trial is; the price is that the
    activations of both are held at once.

    Input: ids as for a classifier. Output in evaluation: a tuple whose first item is the logarithm of the mean of the
    probabilities, shape (rows, n_classes), so that a softmax gives the mean. In training: the logits of the forward
    classifier, then those of the backward one, shape (2 * rows, n_classes); the other items are put together likewise.
    """

    def __init__(self, forwards: nn.Module, backwards: nn.Module) -> None:
        super().__init__()
        self.forwards, self.backwards = forwards, backwards

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (a, *outputs_a), (b, *outputs_b) = self.forwards(ids), self.backwards(reverse_texts(ids))
        logits = torch.cat([a, b])
        raw, out = (torch.cat(pair) for pair in zip(outputs_a, outputs_b, strict=True))
        return (logits if self.training else log_mean(logits)), raw, out

    def reset(self) -> None:
        """Forgets hidden states; fastai calls it."""
        parts: list[Any] = [self.forwards, self.backwards]
        for part in parts:
            part.reset()


class EachAlone(Callback):  # type: ignore[misc]  # fastai is untyped
    """Makes the mean of both classifiers' losses, regularisation included, their sum; shows the ensemble's loss."""

    order = 5  # after fastai's RNNRegularizer, before its MixedPrecision leaves autocast

    def __init__(self, weights: Tensor | None = None) -> None:
        self.weights = weights

    def after_loss(self) -> None:
        self.learn.loss_grad = 2 * self.learn.loss_grad
        self.learn.loss = nll_loss(log_mean(self.learn.pred.detach()), self.learn.yb[0], self.weights)


def ensemble_loss(logits: Tensor, targets: Tensor, weight: Tensor | None = None) -> Tensor:
    """Returns the mean of the losses of both classifiers."""
    return cross_entropy(logits, targets.repeat(2), weight)


def ensemble_split(model: Ensemble) -> list[list[nn.Parameter]]:
    """Returns the groups of layers of both classifiers, those of equal height together."""
    groups = zip(awd_lstm_clas_split(model.forwards), awd_lstm_clas_split(model.backwards), strict=True)
    return [[*a, *b] for a, b in groups]


def log_mean(logits: Tensor) -> Tensor:
    """Returns the logarithm of the mean of both classifiers' probabilities, shape (rows, n_classes)."""
    forwards, backwards = logits.float().log_softmax(1).chunk(2)
    return torch.logaddexp(forwards, backwards) - math.log(2)


def reverse_texts(ids: Tensor) -> Tensor:
    """Returns each text of a padded batch in reverse order; the padding around it stays where it is."""
    columns = torch.arange(ids.shape[1], device=ids.device)
    is_token = (ids != PAD).int()
    first = is_token.argmax(1, keepdim=True)
    last = ids.shape[1] - 1 - is_token.flip(1).argmax(1, keepdim=True)
    is_text = (columns >= first) & (columns <= last)
    return ids.gather(1, torch.where(is_text, first + last - columns, columns))
