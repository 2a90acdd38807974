"""What watches a trial's training: measures each epoch, has it checkpointed, reports it, ends it.

fastai's events reach it through `Events`; the arithmetic knows no fastai.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psutil
import torch

from hpo.contracts.trainer import Decision, EpochReport, OnEpoch
from hpo.machine.signals import MustPause, never
from hpo.trainers.awd_lstm.network.fastai import Callback


class Stopped(Exception):
    """The trial was told to stop."""


class Paused(Exception):
    """The trial was asked or told to pause, and a checkpoint of where it stands is written."""


class Diverged(Exception):
    """A loss was not finite or beyond `trainer.divergence_loss`."""


@dataclass
class Monitor:
    """Keeps the history of one trial through all its fits.

    Per epoch, in this order: start_epoch, add_batch..., end_training, end_epoch. The last measures,
    calls `save`, then reports, so that a killed process repeats at most the epoch it was in. One that was
    asked to pause repeats nothing: it stops between two batches, of training or of validation.

    Attributes:
        n_tokens: Tokens trained on per epoch.
        divergence_loss: Largest loss that is still taken for training, in nats.
        device: What the network computes on.
        save: Writes a checkpoint, given the history and the sums of the epoch under way.
        on_epoch: Hears of every epoch.
        must_pause: Asked after every batch.
        on_batch: Hears after every training batch how many epochs, and batches of the next one, are done.
        history: Metrics of the epochs done.
    """

    n_tokens: int
    divergence_loss: float
    device: torch.device
    save: Callable[[list[dict[str, float]], Mapping[str, float]], None]
    on_epoch: OnEpoch
    must_pause: MustPause = never
    on_batch: Callable[[int, int], None] | None = None
    history: list[dict[str, float]] = field(default_factory=list)

    def start_epoch(self, done: Mapping[str, float]) -> None:
        """Begins an epoch; `done` are the sums of an epoch under way, empty for a new one."""
        self._sums = {"n_batches": 0, "n_rows": 0, "loss_sum": 0.0, **done}
        self._started = time.perf_counter() - done.get("seconds", 0.0)

    def add_batch(self, loss: float, n_rows: int) -> None:
        """Adds one training batch.

        Raises:
            Diverged: if its loss is not finite or too large.
            Paused: if that is asked for.
        """
        self._check(loss, "training")
        self._sums["loss_sum"] += loss * n_rows
        self._sums["n_rows"] += n_rows
        self._sums["n_batches"] += 1
        if self.on_batch is not None:
            self.on_batch(len(self.history), int(self._sums["n_batches"]))
        self.pause_if_asked()

    def pause_if_asked(self) -> None:
        """Leaves a checkpoint in the middle of an epoch.

        Raises:
            Paused: if that is asked for.
        """
        if self.must_pause():
            self.save(self.history, {**self._sums, "seconds": time.perf_counter() - self._started})
            raise Paused

    def end_training(self) -> None:
        self._training_s = time.perf_counter() - self._started

    def end_epoch(self, measured: Mapping[str, float]) -> None:
        """Completes the epoch; `measured` is what its report says of the validation, `valid_loss` among it.

        Raises:
            Diverged: if the validation loss is not finite or too large.
            Stopped, Paused: if the listener asks for it.
        """
        self._check(measured["valid_loss"], "validation")
        self.history.append(
            {
                "train_loss": self._sums["loss_sum"] / self._sums["n_rows"],
                **measured,
                "seconds": time.perf_counter() - self._started,
                "tokens_per_s": self.n_tokens / self._training_s,
                "peak_mb": _peak_mb(self.device),
            }
        )
        self.save(self.history, {})
        self.report(len(self.history))

    def report(self, epoch: int) -> None:
        """Reports an epoch done.

        Raises:
            Stopped, Paused: if the listener asks for it.
        """
        match self.on_epoch(EpochReport(epoch, self.history[epoch - 1])):
            case Decision.STOP:
                raise Stopped
            case Decision.PAUSE:
                raise Paused

    def _check(self, loss: float, part: str) -> None:
        if not (math.isfinite(loss) and loss <= self.divergence_loss):
            shown = f"{loss:.4g}" if math.isfinite(loss) else "not finite"
            raise Diverged(
                f"Epoch {len(self.history) + 1}: the {part} loss is {shown}, beyond "
                f"trainer.divergence_loss={self.divergence_loss:g}; lower train.lr."
            )


class Events(Callback):  # type: ignore[misc]  # fastai is untyped
    """Passes the events of one fit on to a Monitor.

    `start` is called before the first epoch not skipped; it returns the sums of that epoch if it is under way,
    and then the first batches are not among those that come.
    """

    order = 70

    def __init__(
        self,
        monitor: Monitor,
        validate: Callable[[], Mapping[str, float]],
        *,
        start_epoch: int,
        start: Callable[[], Mapping[str, float]],
    ) -> None:
        self.monitor, self.validate, self.start_epoch, self.start = monitor, validate, start_epoch, start

    def before_epoch(self) -> None:
        done = self.start() if self.epoch == self.start_epoch else {}
        self.n_done = int(done.get("n_batches", 0))
        self.monitor.start_epoch(done)

    def before_train(self) -> None:
        """Moves the schedule on by the batches done, by the very additions of TrainEvalCallback.after_batch."""
        for _ in range(self.n_done):
            self.learn.pct_train += 1.0 / (len(self.learn.dl) * self.learn.n_epoch)
        self.learn.train_iter += self.n_done

    def after_batch(self) -> None:
        # reading the loss waits for the GPU once a batch, as fastai's Recorder does, which is not used
        self.monitor.add_batch(self.learn.loss.item(), len(self.learn.yb[0]))

    def after_train(self) -> None:
        self.monitor.end_training()

    def after_epoch(self) -> None:
        if self.epoch >= self.start_epoch:  # skipped epochs come by here too
            self.monitor.end_epoch(self.validate())


def _peak_mb(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return float(psutil.Process().memory_info().rss) / 2**20
