"""The fastai Learner of one trial: network, batches, optimizer, callbacks, precision.

What happens at the end of an epoch is `monitor`'s business.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hpo.config.training import LrAdapt, Precision, Schedule
from hpo.contracts.trainer import EncoderRequest, TrialRequest
from hpo.trainers.awd_lstm.monitor import Events
from hpo.trainers.awd_lstm.network.batches import Batches
from hpo.trainers.awd_lstm.network.ensemble import EachAlone, Ensemble, ensemble_loss, ensemble_split
from hpo.trainers.awd_lstm.network.fastai import (
    AMPMode,
    Callback,
    DataLoaders,
    Learner,
    MixedPrecision,
    ParamScheduler,
    TrainEvalCallback,
    awd_lstm_clas_split,
    event,
    rnn_cbs,
)
from hpo.trainers.awd_lstm.network.lm_batches import Windows
from hpo.trainers.awd_lstm.network.optimizer import FusedAdamW
from hpo.trainers.awd_lstm.network.prodigy import ProdigyW
from hpo.trainers.awd_lstm.schedule import Fit

# those of fastai.text.learner.TextLearner
_MOMENTA = (0.8, 0.7, 0.8)
AR, TAR = 2.0, 1.0
_CUT, _RATIO = 0.1, 32.0  # of the slanted triangle: when it peaks, and its peak over its ends
_DTYPES = {Precision.bf16: torch.bfloat16, Precision.fp16: torch.float16}
_EVENTS = [name for name in vars(event) if not name.startswith("_")]


def build_learner(
    request: TrialRequest | EncoderRequest,
    model: nn.Module,
    train: Batches | Windows,
    *,
    loss: Callable[..., Tensor] = cross_entropy,
    weights: Tensor | None = None,
    splitter: Callable[[Any], object] = awd_lstm_clas_split,
) -> Learner:
    """Returns a Learner that trains `model` on `train` and validates nothing by itself.

    An `Ensemble` has a loss and a splitter of its own. `weights` are what a text of each class counts in the loss of a
    classifier, shape (classes,).

    Of fastai's default callbacks only TrainEvalCallback is kept: Recorder and CastToTensor do per-batch
    work that `monitor` does once, and plain tensors need no cast.
    """
    loaders = DataLoaders(train, [])
    loaders._device = train.device  # its setter would ask every loader to move itself
    callbacks = [TrainEvalCallback(), *rnn_cbs(AR, TAR)]
    precision = effective_precision(request)
    if isinstance(model, Ensemble):
        loss, splitter = ensemble_loss, ensemble_split
        callbacks.append(EachAlone(weights))
    if weights is not None:
        loss = partial(loss, weight=weights)
    if precision is not Precision.fp32:
        callbacks.append(MixedPrecision(amp_mode=AMPMode(precision.value)))
    return _Learner(
        loaders,
        model.to(train.device),
        loss_func=loss,
        opt_func=ProdigyW if _finds_its_rate(request) else FusedAdamW,
        lr=request.train.lr,
        wd=request.train.weight_decay,
        splitter=splitter,
        moms=_MOMENTA,
        cbs=callbacks,
        default_cbs=False,
    )


def _finds_its_rate(request: TrialRequest | EncoderRequest) -> bool:
    return isinstance(request, TrialRequest) and request.train.lr_adapt is LrAdapt.prodigy


def run_fit(learner: Learner, fit: Fit, events: Events, *others: Callback) -> None:
    """Runs one fit from `events.start_epoch` on; `others` are told of it, too."""
    learner.freeze_to(fit.freeze_to)
    callbacks = [*others, events]
    match fit.shape:
        case Schedule.slanted:
            _fit_slanted(learner, fit, callbacks, start_epoch=events.start_epoch)
        case Schedule.flat:
            learner.opt.set_hyper("lr", fit.lr)
            learner.opt.set_hyper("mom", _MOMENTA[1])
            learner.fit(fit.n_epochs, cbs=callbacks, start_epoch=events.start_epoch)
        case _:
            learner.fit_one_cycle(
                fit.n_epochs,
                fit.lr,
                pct_start=fit.pct_start,
                div=fit.div,
                cbs=callbacks,
                start_epoch=events.start_epoch,
            )


def _fit_slanted(learner: Learner, fit: Fit, callbacks: list[Callback], *, start_epoch: int) -> None:
    """Fits with slanted triangular learning rates (Howard & Ruder, 2018, section 3.2)."""
    learner.opt.set_hyper("lr", fit.lr)
    peaks = [hyper["lr"] for hyper in learner.opt.hypers]

    def rates(share: float) -> list[float]:
        height = share / _CUT if share < _CUT else (1 - share) / (1 - _CUT)
        return [peak * (1 + height * (_RATIO - 1)) / _RATIO for peak in peaks]

    schedule = {"lr": rates, "mom": lambda _: _MOMENTA[1]}
    learner.fit(fit.n_epochs, cbs=[ParamScheduler(schedule), *callbacks], start_epoch=start_epoch)


def release(learner: Learner) -> None:
    """Lets go of network, optimizer and batches without the garbage collector, which takes 0.2 s here.

    A Learner and its callbacks refer to each other. After a failure fastai's mixed precision is still
    entered (it leaves in after_loss) and would hold for whatever runs next.
    """
    precision = getattr(learner, "mixed_precision", None)
    if precision is not None and torch.is_autocast_enabled("cuda"):
        precision.autocast.__exit__(None, None, None)
    learner.remove_cbs(list(learner.cbs))
    vars(learner).clear()


class _Learner(Learner):  # type: ignore[misc]  # fastai is untyped
    """Learner that calls its callbacks directly, in their order.

    Learner and Callback sort and search all callbacks at each of a batch's 13 events, which costs more
    than a small network's optimizer. Callback.__call__ also rewrites exceptions, and breaks on those
    without arguments (fastai/callback/core.py:65). Its `run` switches are not used here.
    """

    def __call__(self, event_name: str) -> None:
        if event_name in ("after_create", "before_fit"):  # fit has added its own callbacks by then
            ordered = self.cbs.sorted("order")
            self._handlers = {e: [getattr(cb, e) for cb in ordered if hasattr(type(cb), e)] for e in _EVENTS}
        for handle in self._handlers[event_name]:
            handle()


def effective_precision(request: TrialRequest | EncoderRequest) -> Precision:
    """Returns what `train.precision` comes to: fastai's mixed precision silently does nothing on a CPU."""
    return request.train.precision if request.device.startswith("cuda") else Precision.fp32


def autocast(request: TrialRequest | EncoderRequest) -> AbstractContextManager[object]:
    """Returns the context in which to evaluate the network."""
    precision = effective_precision(request)
    return nullcontext() if precision is Precision.fp32 else torch.autocast("cuda", dtype=_DTYPES[precision])
