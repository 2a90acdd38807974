"""The fastai Learner of one trial: network, batches, optimizer, callbacks, precision.

What happens at the end of an epoch is `monitor`'s business.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from hpo.batches import Batches
from hpo.config import Precision
from hpo.fastai_api import (
    AMPMode,
    CrossEntropyLossFlat,
    DataLoaders,
    Learner,
    MixedPrecision,
    TrainEvalCallback,
    awd_lstm_clas_split,
    rnn_cbs,
)
from hpo.fits import Fit
from hpo.monitor import Events
from hpo.optimizer import build_opt_func
from hpo.trainer import TrialRequest

# those of fastai.text.learner.TextLearner
_MOMENTA = (0.8, 0.7, 0.8)
_AR, _TAR = 2.0, 1.0


def build_learner(request: TrialRequest, model: nn.Module, train: Batches) -> Learner:
    """Returns a Learner that trains `model` on `train` and validates nothing by itself.

    Of fastai's default callbacks only TrainEvalCallback is kept: Recorder and CastToTensor do per-batch
    work that `monitor` does once, and plain tensors need no cast.
    """
    loaders = DataLoaders(train, [])
    loaders._device = train.device  # its setter would ask every loader to move itself
    callbacks = [TrainEvalCallback(), *rnn_cbs(_AR, _TAR)]
    precision = effective_precision(request)
    if precision is not Precision.fp32:
        callbacks.append(MixedPrecision(amp_mode=AMPMode(precision.value)))
    return Learner(
        loaders,
        model.to(train.device),
        loss_func=CrossEntropyLossFlat(),
        opt_func=build_opt_func(model, decay=request.train.weight_decay),
        lr=request.train.lr,
        splitter=awd_lstm_clas_split,
        moms=_MOMENTA,
        cbs=callbacks,
        default_cbs=False,
    )


def run_fit(learner: Learner, fit: Fit, events: Events) -> None:
    """Runs one fit from `events.start_epoch` on; what `events` caught is raised."""
    if fit.is_frozen:
        learner.freeze()
    else:
        learner.unfreeze()
    learner.fit_one_cycle(
        fit.n_epochs, fit.lr, pct_start=fit.pct_start, div=fit.div, cbs=events, start_epoch=events.start_epoch
    )
    raised, events.raised = events.raised, None
    try:
        if raised is not None:
            raise raised
    finally:
        del raised  # its traceback leads back here: together they would keep the network alive


def release(learner: Learner) -> None:
    """Lets go of network, optimizer and batches at once, without waiting for the garbage collector.

    A Learner and its callbacks refer to each other. After a failure fastai's mixed precision is still
    entered (it leaves in after_loss) and would hold for whatever runs next.
    """
    precision = getattr(learner, "mixed_precision", None)
    if precision is not None and torch.is_autocast_enabled("cuda"):
        precision.autocast.__exit__(None, None, None)
    learner.remove_cbs(list(learner.cbs))
    learner.dls = learner.opt = learner.model = None


def effective_precision(request: TrialRequest) -> Precision:
    """Returns what `train.precision` comes to: fastai's mixed precision silently does nothing on a CPU."""
    return request.train.precision if request.device.startswith("cuda") else Precision.fp32


def autocast(request: TrialRequest) -> AbstractContextManager[object]:
    """Returns the context in which to evaluate the network."""
    match effective_precision(request):
        case Precision.fp32:
            return nullcontext()
        case Precision.bf16:
            return torch.autocast("cuda", dtype=torch.bfloat16)
        case Precision.fp16:
            return torch.autocast("cuda", dtype=torch.float16)
