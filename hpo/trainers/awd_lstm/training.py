"""The training of one network, from its newest checkpoint or the start: what classifiers and language models share.

Which network it is, on which batches, is said by those that derive from it: `trainer`, `language_model`.
"""

from __future__ import annotations

import gc
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from hpo.artifacts.checkpoint import CHECKPOINT_WARNING, Checkpoint, read_checkpoint, write_checkpoint
from hpo.contracts.seeds import derive_seed
from hpo.contracts.trainer import EncoderRequest, OnEpoch, Reason, TrialRequest, TrialResult
from hpo.machine.cores import name_gpu
from hpo.machine.signals import MustPause
from hpo.trainers.awd_lstm.learner import autocast, effective_precision, release, run_fit
from hpo.trainers.awd_lstm.monitor import Diverged, Events, Monitor, Paused, Stopped
from hpo.trainers.awd_lstm.network.batches import Batches
from hpo.trainers.awd_lstm.network.fastai import Callback, Learner
from hpo.trainers.awd_lstm.network.lm_batches import Windows
from hpo.trainers.awd_lstm.network.weights import count_params
from hpo.trainers.awd_lstm.schedule import Fit
from hpo.trainers.awd_lstm.state import capture, restore, restore_weights

History = list[dict[str, float]]
AnyRequest = TypeVar("AnyRequest", TrialRequest, EncoderRequest)


class Training(ABC):
    """A network, its batches and its learner; those that derive from it make them.

    Attributes:
        request: What is asked.
        order: Draws the order of the data.
        train: What it learns from.
        model: The network.
        learner: Trains it.
        callbacks: Who else is told of every batch.
    """

    request: TrialRequest | EncoderRequest
    train: Batches | Windows
    model: Any  # its parts are known to those that derive
    learner: Learner
    callbacks: Sequence[Callback] = ()

    def __init__(self, request: TrialRequest | EncoderRequest) -> None:
        self.request = request
        self.order = np.random.default_rng(derive_seed(request.seed, "order"))

    @property
    @abstractmethod
    def divergence_loss(self) -> float:
        """The largest loss that is still taken for training."""

    @property
    def facts(self) -> dict[str, str]:
        """What is known of the network before it is trained."""
        return {"n_params": str(count_params(self.model))}

    @abstractmethod
    def plan(self) -> list[Fit]:
        """Returns the fits it consists of."""

    @abstractmethod
    def leave(self) -> None:
        """Leaves the final weights in the request's folder."""

    @abstractmethod
    def _validate(self, monitor: Monitor) -> dict[str, float]:
        """Returns what the network scores, `valid_loss` among it; asks after each batch whether to pause."""

    def _hidden(self) -> Mapping[str, Tensor]:
        """Returns what the next batch of an epoch under way needs of those before it."""
        return {}

    def _own_state(self) -> Mapping[str, object]:
        """Returns what a checkpoint is to hold beside the state of any training, as JSON."""
        return {}

    def monitor(self, on_epoch: OnEpoch, must_pause: MustPause, history: History) -> Monitor:
        return Monitor(
            n_tokens=self.train.n_tokens,
            divergence_loss=self.divergence_loss,
            device=self.train.device,
            save=self._save,
            on_epoch=on_epoch,
            must_pause=must_pause,
            history=history,
        )

    def fit(self, monitor: Monitor, checkpoint: Checkpoint | None) -> bool:
        """Runs the fits, or what a checkpoint has left of them; returns whether it was told to stop."""
        try:
            self._fit(monitor, checkpoint)
        except Stopped:
            return True
        return False

    def close(self) -> None:
        """Lets go of everything, as this object may live on in an exception's traceback."""
        release(self.learner)
        vars(self).clear()

    def _fit(self, monitor: Monitor, checkpoint: Checkpoint | None) -> None:
        n_done, is_under_way = 0, False
        if checkpoint is not None:
            n_done, is_under_way = checkpoint.epoch, bool(checkpoint.partial)
            restore_weights(self.model, checkpoint)
            for epoch in range(1, n_done + 1):  # who listens may know fewer of them than the checkpoint holds
                monitor.report(epoch)
        for fit in self.plan():
            if n_done < fit.n_epochs:
                start = partial(self._restore, checkpoint, with_moments=n_done > 0 or is_under_way)
                validate = partial(self._measure, monitor)
                events = Events(monitor, validate, start_epoch=n_done, start=start)
                run_fit(self.learner, fit, events, *self.callbacks)
                checkpoint = None
            n_done = max(0, n_done - fit.n_epochs)

    def _measure(self, monitor: Monitor) -> dict[str, float]:
        with autocast(self.request):
            return self._validate(monitor)

    def _save(self, history: History, done: Mapping[str, float]) -> None:
        """Writes a checkpoint; an epoch under way draws its order again when it goes on."""
        order = self.train.drawn_from if done else self.order.bit_generator.state
        tensors, state = capture(self.learner, order)
        if done:
            tensors |= {name: value.cpu().numpy() for name, value in self._hidden().items()}
        write_checkpoint(self.request, Checkpoint(history, tensors, {**state, **self._own_state()}, done))

    def _restore(self, checkpoint: Checkpoint | None, *, with_moments: bool) -> Mapping[str, float]:
        """Puts back what `checkpoint` holds; returns the sums of the epoch under way."""
        if checkpoint is None:
            return {}
        restore(checkpoint, self.learner, self.order, with_moments=with_moments)
        self.train.n_skipped = checkpoint.n_batches
        return checkpoint.partial


def carry_out(
    begin: Callable[[AnyRequest], Training], request: AnyRequest, on_epoch: OnEpoch, must_pause: MustPause
) -> TrialResult:
    """Returns how a training ended that `begin` made at its beginning. See `Trainer.train`."""
    history: History = []  # this and the facts outlive a failure
    facts = _describe_surroundings(request)
    try:
        is_stopped = _run(begin, request, on_epoch, must_pause, history=history, facts=facts)
        return TrialResult(len(history), stopped=is_stopped, facts=facts)
    except Paused:
        return TrialResult(len(history), paused=True, facts=facts)
    except Diverged as failure:
        return TrialResult(len(history), reason=Reason.DIVERGED, error=str(failure), facts=facts)
    except (MemoryError, RuntimeError) as failure:
        if not _is_out_of_memory(failure):
            raise
        error = f"Epoch {len(history) + 1}: no memory left on {request.device}. {failure}"
        return TrialResult(len(history), reason=Reason.OOM, error=error, facts=facts)
    finally:
        _free_memory(request.device)


def _run(
    begin: Callable[[AnyRequest], Training],
    request: AnyRequest,
    on_epoch: OnEpoch,
    must_pause: MustPause,
    *,
    history: History,
    facts: dict[str, str],
) -> bool:
    """Trains, and leaves the weights; returns whether it was told to stop."""
    torch.set_num_threads(request.threads)
    if request.device.startswith("cuda"):
        torch.cuda.init()  # type: ignore[no-untyped-call]  # resetting fails before it; torch left it untyped
        torch.cuda.reset_peak_memory_stats(request.device)
    training = begin(request)
    facts |= training.facts
    checkpoint, refused = read_checkpoint(request)
    if refused:
        facts[CHECKPOINT_WARNING] = " ".join(refused)
    if checkpoint is not None:
        history.extend(checkpoint.history)
        facts["resumed_from"] = str(checkpoint.epoch)
    try:
        is_stopped = training.fit(training.monitor(on_epoch, must_pause, history), checkpoint)
        training.leave()
    finally:
        training.close()
    return is_stopped


def _describe_surroundings(request: TrialRequest | EncoderRequest) -> dict[str, str]:
    facts = {
        "device": request.device,
        "host": socket.gethostname(),
        "precision": effective_precision(request).value,
        "threads": str(request.threads),
        "resumed_from": "0",
    }
    if request.device.startswith("cuda"):
        facts["gpu"] = name_gpu(request.device)
        facts["device_name"] = torch.cuda.get_device_name(request.device)
        facts["tf32"] = str(torch.backends.cudnn.allow_tf32)  # what cuDNN makes of fp32
    return facts


def _is_out_of_memory(error: BaseException) -> bool:
    """Returns whether memory ran out; torch's CPU allocator and cuBLAS say so in a plain RuntimeError."""
    signs = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
    return isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in signs)


def _free_memory(device: str) -> None:
    """Gives a GPU's memory back for other processes; on the CPU `close` has freed it already."""
    if device.startswith("cuda"):
        gc.collect()
        torch.cuda.empty_cache()
