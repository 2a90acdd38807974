"""Learning rate and dropout that move while a network trains, along the gradient of its validation loss.

First order only, so no part of the network is differentiated twice. Every so many batches the loss of a batch of V_h,
a part of the validation texts set aside for it, is differentiated by the weights that a step has just led to:

- The rate: a step moves the weights by -lr * u, decay included, so d loss / d log(lr) = <gradient, the step>, exactly
  (Baydin et al. 2018, with the validation gradient of Luketina et al. 2016).
- Dropout: its masks are discrete, but the gradient that a batch would have had at a little more and a little less of
  it, from the same random numbers, differs smoothly; Adam's step changes by lr * P * (change of the gradient), with P
  its diagonal preconditioner, which is taken for constant.

Adam moves both along these, the rate on a log scale, the dropout in shares of its range, within their bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hpo.contracts.records import COST
from hpo.contracts.seeds import derive_seed
from hpo.data.vocabulary import Part, take_texts
from hpo.trainers.awd_lstm.network.batches import Batches
from hpo.trainers.awd_lstm.network.classifier import DropMult
from hpo.trainers.awd_lstm.network.fastai import Callback
from hpo.trainers.awd_lstm.network.optimizer import preconditioner

N_WARMUP = 5  # batches after which Adam's second moments say something
MAX_STEP = 0.1  # of the logarithm of the rate, or of dropout's range, at a time
DROPOUT_STEP = 0.05  # of dropout's range: half the distance of the two gradients that are compared
DROPOUT_SLOWNESS = 4  # dropout's range is crossed in so many times the steps in which the rate grows e-fold
_BETAS, _TINY = (0.9, 0.99), 1e-12

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]


@dataclass
class Knob:
    """One hyperparameter that moves, on the scale on which it does; `low` and `high` bound its place.

    `n`, `mean` and `square` are Adam's own count and moments; `seen` holds the gradients of the epoch under way.
    """

    place: float
    low: float
    high: float
    n: int = 0
    mean: float = 0.0
    square: float = 0.0
    n_clipped: int = 0
    seen: list[float] = field(default_factory=list)

    def move(self, gradient: float, rate: float) -> None:
        """Goes a step of Adam down `gradient`, at most `MAX_STEP`, and not beyond the bounds."""
        if not math.isfinite(gradient):  # the trial will diverge by itself
            return
        self.seen.append(gradient)
        self.n += 1
        self.mean += (1 - _BETAS[0]) * (gradient - self.mean)
        self.square += (1 - _BETAS[1]) * (gradient * gradient - self.square)
        mean, square = (m / (1 - beta**self.n) for m, beta in zip((self.mean, self.square), _BETAS, strict=True))
        step = rate * mean / (math.sqrt(square) + _TINY)
        wanted = self.place - min(max(step, -MAX_STEP), MAX_STEP)
        place = min(max(wanted, self.low), self.high)
        self.n_clipped += place != wanted or abs(step) > MAX_STEP
        self.place = place

    def sum_up(self, name: str) -> dict[str, float]:
        """Returns what is to be known of the gradients since the last epoch, and forgets them.

        Signal to noise (|mean| / sd), how far neighbours agree in sign (1: always, -1: never), share of clipped steps.
        """
        seen = np.array(self.seen)
        found = {f"{name}_clipped": self.n_clipped / len(self.seen)} if self.seen else {}
        if len(seen) > 1:
            found[f"{name}_snr"] = float(abs(seen.mean()) / (seen.std(ddof=1) + _TINY))
            found[f"{name}_agreement"] = float(np.sign(seen[1:] * seen[:-1]).mean())
        self.seen, self.n_clipped = [], 0
        return found


def learning_loss(model: nn.Module, ids: Tensor, labels: Tensor, *, ar: float = 0.0, tar: float = 0.0) -> Tensor:
    """Returns what a batch's gradient is taken of: cross-entropy, and in training AR and TAR as fastai adds them."""
    logits, raw, out = model(ids)
    loss = cross_entropy(logits.float(), labels)
    if ar:
        loss = loss + ar * out.float().pow(2).mean()
    if tar and len(raw) > 1:
        loss = loss + tar * (raw[:, 1:] - raw[:, :-1]).float().pow(2).mean()
    return loss


class Hypergradient(Callback):  # type: ignore[misc]  # fastai is untyped
    """Moves the rate, and dropout where it has a range, of the learner it is a callback of.

    All it draws of its own depends on the trial's seed and the number of the step, and torch's generators are left as
    they were: with `rate` 0 the training is, bit for bit, the one without it. A step costs a gradient of V_h more,
    and two of the batch where dropout moves.

    Args:
        held: V_h, the texts whose loss is followed.
        seed: That of the trial.
        lr: The rate at the start, with its bounds.
        dropout: What sets the network's dropout, and the bounds of its multiplier; None: it stays.
        every: Batches from one step to the next.
        rate: The step of Adam on the logarithm of the rate.
        loss: Of a batch in training.
        held_loss: Of a batch of V_h.
    """

    order = 60  # before `Events`, which may write the checkpoint

    def __init__(
        self,
        held: Part,
        *,
        seed: int,
        batch_size: int,
        bptt: int,
        device: torch.device,
        lr: tuple[float, Sequence[float]],
        dropout: tuple[DropMult, Sequence[float]] | None,
        every: int,
        rate: float,
        loss: Loss = learning_loss,
        held_loss: Loss = learning_loss,
    ) -> None:
        self.seed, self.every, self.rate = seed, every, rate
        self.loss, self.held_loss = loss, held_loss
        self.held = Batches(held, batch_size=batch_size, bptt=bptt, device=device)
        start, (low, high) = lr
        self.lr0 = start
        self.log_lr = Knob(0.0, math.log(low / start), math.log(high / start))
        self.n_batches = self.n_steps = self.n_before = 0
        self.dropout: Knob | None = None
        if dropout is not None:
            self.drop_mult, (low, high) = dropout
            self.range, self.place0 = (low, high), (self.drop_mult.start - low) / (high - low)
            self.dropout = Knob(self.place0, 0.0, 1.0)

    @property
    def lr(self) -> float:
        return self.lr0 * math.exp(self.log_lr.place)

    @property
    def mult(self) -> float | None:
        """The multiplier of dropout; None where it does not move."""
        if self.dropout is None:
            return None
        low, high = self.range  # where nothing has moved it is what it was, to the last bit
        mult = self.drop_mult.start + (self.dropout.place - self.place0) * (high - low)
        return float(min(max(mult, min(low, self.drop_mult.start)), max(high, self.drop_mult.start)))

    def state(self) -> dict[str, object]:
        """Returns what `load` takes, as JSON."""
        dropout = asdict(self.dropout) if self.dropout else None
        counts = [self.n_batches, self.n_steps, self.n_before]
        return {"counts": counts, "log_lr": asdict(self.log_lr), "dropout": dropout}

    def load(self, state: Mapping[str, Any]) -> None:
        self.n_batches, self.n_steps, self.n_before = state["counts"]
        self.log_lr = Knob(**state["log_lr"])
        if state["dropout"]:
            self.dropout = Knob(**state["dropout"])

    def sum_up(self, n_batches: int) -> dict[str, float]:
        """Returns what an epoch's report says of it, and begins the next.

        Among it what the epoch cost in gradients of a batch, over those of one without it.
        """
        n_steps, self.n_before = self.n_steps - self.n_before, self.n_steps
        n_gradients = 1 if self.dropout is None else 3
        found = {"lr": self.lr, **self.log_lr.sum_up("lr"), COST: 1 + n_gradients * n_steps / n_batches}
        if self.dropout is not None and (mult := self.mult) is not None:
            found |= {"drop_mult": mult, **self.dropout.sum_up("drop_mult")}
        return found

    def before_fit(self) -> None:
        """Notes what each group's rate is to that of the head."""
        self.peaks = [hyper["lr"] for hyper in self.learn.opt.hypers]

    def before_batch(self) -> None:
        if not self.learn.training:
            return
        factor = math.exp(self.log_lr.place)
        for hyper, peak in zip(self.learn.opt.hypers, self.peaks, strict=True):
            hyper["lr"] = peak * factor
        if self.dropout is not None and (mult := self.mult) is not None:
            self.drop_mult.set(mult)
        self.n_batches += 1
        self.is_due = self.n_batches > N_WARMUP and self.n_batches % self.every == 0
        if self.is_due:
            self.random = _random_state(self.held.device)

    def before_step(self) -> None:
        if self.is_due:
            self.before = [param.detach().clone() for param in self._params()]

    def after_step(self) -> None:
        if not self.is_due:
            return
        model, params = self.learn.model, self._params()
        left, buffers = _random_state(self.held.device), [buffer.clone() for buffer in model.buffers()]
        slope = self.slope(model, params)
        moved = [after.detach() - before for after, before in zip(params, self.before, strict=True)]
        by_lr = sum_products(slope, moved)
        by_dropout = None if self.dropout is None else self._by_dropout(model, params, slope)
        with torch.no_grad():
            for buffer, kept in zip(model.buffers(), buffers, strict=True):
                buffer.copy_(kept)
        _set_random_state(left, self.held.device)
        self.n_steps += 1
        self.log_lr.move(by_lr, self.rate)
        if self.dropout is not None and by_dropout is not None:
            self.dropout.move(by_dropout, self.rate / DROPOUT_SLOWNESS)
        self.before = []

    def slope(self, model: nn.Module, params: Sequence[Tensor]) -> list[Tensor]:
        """Returns the gradient of the loss of a batch of V_h, without dropout; the step's number says which batch."""
        draw = np.random.default_rng(derive_seed(self.seed, "hypergradient", self.n_steps))
        n_rows = self.held.n_rows
        rows = np.sort(draw.choice(n_rows, min(self.held.batch_size, n_rows), replace=False))
        ids, labels = self.held.batch_of(rows)
        model.eval()
        for module in model.modules():  # cuDNN differentiates an LSTM in training mode only; alone it drops nothing
            if isinstance(module, nn.LSTM):
                module.train()
        found = list(torch.autograd.grad(self.held_loss(model, ids, labels), list(params)))
        model.train()
        return found

    def _by_dropout(self, model: nn.Module, params: Sequence[Tensor], slope: Sequence[Tensor]) -> float:
        """Returns the derivative of V_h's loss by dropout's place, through the step just made."""
        assert self.dropout is not None
        place, (low, high) = self.dropout.place, self.range
        ends = [min(max(place + step, 0.0), 1.0) for step in (-DROPOUT_STEP, DROPOUT_STEP)]
        after = [param.detach().clone() for param in params]
        _copy(self.before, params)
        gradients = []
        for end in ends:
            self.drop_mult.set(low + end * (high - low))
            _set_random_state(self.random, self.held.device)
            loss = self.loss(model, self.learn.xb[0], self.learn.yb[0])
            gradients.append(torch.autograd.grad(loss, list(params)))
        _copy(after, params)
        scaled = [
            -scale * (more - less) / (ends[1] - ends[0])
            for scale, more, less in zip(preconditioner(self.learn.opt), gradients[1], gradients[0], strict=True)
        ]
        return sum_products(slope, scaled)

    def _params(self) -> list[Tensor]:
        return [param for group in self.learn.opt.param_lists for param in group if param.grad is not None]


def halve(part: Part) -> tuple[Part, Part]:
    """Returns V_h, whose loss is followed, and the rest, by which is selected: halves, class by class.

    Which text is in which depends on nothing but the part, so all trials of a study hold the same.
    """
    draw = np.random.default_rng(derive_seed("hypergradient", len(part)))
    order = draw.permutation(len(part))
    labels = np.asarray(part.labels)
    by_class = order[np.argsort(labels[order], kind="stable")]
    return take_texts(part, np.sort(by_class[1::2])), take_texts(part, np.sort(by_class[::2]))


def sum_products(left: Sequence[Tensor], right: Sequence[Tensor]) -> float:
    """Returns the sum of the products of all entries."""
    return float(torch.stack([(a * b).sum().double() for a, b in zip(left, right, strict=True)]).sum().item())


def _copy(values: Sequence[Tensor], params: Sequence[Tensor]) -> None:
    with torch.no_grad():
        torch._foreach_copy_(list(params), list(values))


def _random_state(device: torch.device) -> list[Tensor]:
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def _set_random_state(states: Sequence[Tensor], device: torch.device) -> None:
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)
