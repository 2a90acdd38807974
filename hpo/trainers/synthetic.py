"""A trainer that computes learning curves instead of training: a closed form with noise.

For trying samplers, pruners and the driver in milliseconds. It needs no corpus, torch or fastai.
"""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import dataclass, replace
from pathlib import Path

from hpo.artifacts.checkpoint import CHECKPOINT_WARNING, Checkpoint, read_checkpoint, write_checkpoint
from hpo.config.limits import MAX_S, setting
from hpo.config.metric import ALWAYS
from hpo.config.registry import option
from hpo.config.schema import ModelConfig, TrainConfig, TrainerConfig
from hpo.contracts.seeds import derive_seed
from hpo.contracts.trainer import Decision, EpochReport, OnEpoch, Reason, TrialRequest, TrialResult
from hpo.machine.signals import MustPause, never

_UNTRAINED = math.log(5)  # nats: five classes, nothing learnt
_DIVERGING_LR = 1.0
_DESCRIPTION = "model.json"
_N_TEST = 1000


@option("trainer", "synthetic")
@dataclass
class SyntheticConfig(TrainerConfig):
    noise: float = setting(low=0)
    epoch_s: float = setting(low=0, high=MAX_S)

    is_simulated = True
    metrics = tuple(ALWAYS)

    def build(self) -> Synthetic:
        return Synthetic()

    def seconds(self, reported: float) -> float:
        return self.epoch_s

    def without_waiting(self) -> SyntheticConfig:
        return replace(self, epoch_s=0.0)


class Synthetic:
    """Answers like a trainer whose best params are known; see `expected_loss`."""

    def train(self, request: TrialRequest, on_epoch: OnEpoch, must_pause: MustPause = never) -> TrialResult:
        """Walks along the curve, from the newest checkpoint on; an epoch is one batch. See `Trainer.train`."""
        epoch_s = _settings(request).epoch_s
        checkpoint, refused = read_checkpoint(request)
        history = list(checkpoint.history) if checkpoint else []
        facts = {
            "device": "cpu",
            "precision": "fp64",
            "threads": "1",
            "n_params": "0",
            "resumed_from": f"{len(history)}",
        }
        if refused:
            facts[CHECKPOINT_WARNING] = " ".join(refused)
        if not request.train.lr < _DIVERGING_LR:
            error = f"Epoch 1: the training loss is not finite; lower train.lr={request.train.lr:g}."
            return TrialResult(0, reason=Reason.DIVERGED, error=error, facts=facts)
        answers = (_report(history[:epoch], on_epoch) for epoch in range(1, len(history) + 1))
        decision = next((answer for answer in answers if answer is not Decision.CONTINUE), Decision.CONTINUE)
        while len(history) < request.train.epochs and decision is Decision.CONTINUE:
            if history and must_pause():
                return TrialResult(len(history), paused=True, facts=facts)
            history.append(_measure_epoch(request, len(history) + 1))
            if epoch_s > 0:  # computed again sooner than written
                write_checkpoint(request, Checkpoint(history))
            decision = _report(history, on_epoch)
        if decision is Decision.PAUSE:
            return TrialResult(len(history), paused=True, facts=facts)
        description = {"architecture": "synthetic", "n_epochs": len(history)}
        (Path(request.folder) / _DESCRIPTION).write_text(json.dumps(description))
        return TrialResult(len(history), stopped=decision is Decision.STOP, facts=facts)

    def test(self, request: TrialRequest) -> dict[str, float]:
        """Returns the test metrics of the curve where `train` left it. See `Trainer.test`."""
        description = json.loads((Path(request.folder) / _DESCRIPTION).read_text())
        scores = _score(request, description["n_epochs"], noise=_draw(request, "test"))
        return {
            "test_loss": scores["valid_loss"],
            "test_accuracy": scores["accuracy"],
            "test_macro_f1": scores["macro_f1"],
            "n_test": float(_N_TEST),
        }


def expected_loss(model: ModelConfig, train: TrainConfig, epoch: int) -> float:
    """Returns the noiseless validation loss after `epoch` epochs, in nats.

    It falls exponentially from ln 5 to an asymptote. With s = log2(n_hid / 128), the asymptote is
    lowest at lr = 10^(-2 - s/10) and drop_mult = 0.4 + s/20, and a little lower the larger s is;
    below the best lr the fall is slower, too. Fields not named here change nothing.
    """
    size = math.log2(model.n_hid / 128)
    lr_gap = math.log10(train.lr) - (-2 - size / 10)
    drop_gap = model.drop_mult - (0.4 + size / 20)
    floor = 0.3 - 0.06 * math.tanh(size / 2)
    asymptote = floor + 0.3 * lr_gap**2 / (1 + abs(lr_gap)) + 0.2 * drop_gap**2
    asymptote = min(asymptote, 0.95 * _UNTRAINED)
    time_constant = 1.5 * (1 + max(0.0, -lr_gap) / 2)  # epochs
    return asymptote + (_UNTRAINED - asymptote) * math.exp(-epoch / time_constant)


def _settings(request: TrialRequest) -> SyntheticConfig:
    assert isinstance(request.trainer, SyntheticConfig)
    return request.trainer


def _measure_epoch(request: TrialRequest, epoch: int) -> dict[str, float]:
    started, epoch_s = time.perf_counter(), _settings(request).epoch_s
    if epoch_s > 0:
        time.sleep(epoch_s)
    # most of the noise stays with the trial, as that of a seed does
    noise = 0.8 * _draw(request, "trial") + 0.6 * _draw(request, "epoch", epoch)
    measured = _score(request, epoch, noise=noise)
    return measured | {"seconds": time.perf_counter() - started, "tokens_per_s": 0.0, "peak_mb": 0.0}


def _score(request: TrialRequest, epoch: int, *, noise: float) -> dict[str, float]:
    """Returns losses and scores of an epoch whose accuracy is off by `noise` standard deviations."""
    loss = expected_loss(request.model, request.train, epoch)
    accuracy = min(0.999, max(0.001, math.exp(-0.8 * loss) + _settings(request).noise * noise))
    valid_loss = -math.log(accuracy) / 0.8
    train_loss = valid_loss * (1 - 0.1 * epoch / (epoch + 3))  # overfits slowly
    return {"train_loss": train_loss, "valid_loss": valid_loss, "accuracy": accuracy, "macro_f1": 0.98 * accuracy}


def _draw(request: TrialRequest, *parts: object) -> float:
    return random.Random(derive_seed(request.seed, *parts)).gauss(0.0, 1.0)


def _report(history: list[dict[str, float]], on_epoch: OnEpoch) -> Decision:
    return on_epoch(EpochReport(len(history), history[-1]))
