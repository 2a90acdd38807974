"""The trainer that trains fastai AWD-LSTM text classifiers on a prepared corpus.

It carries out one trial; the parts it is put together from each have their own module.
"""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from hpo.artifacts.checkpoint import CHECKPOINT_WARNING, Checkpoint, read_checkpoint, write_checkpoint
from hpo.artifacts.folders import EVALUATION, PROBABILITIES
from hpo.contracts.seeds import derive_seed, seed_everything
from hpo.contracts.trainer import OnEpoch, Reason, TrialRequest, TrialResult
from hpo.data.corpus import open_corpus
from hpo.data.metrics import score_probabilities
from hpo.machine.cores import name_gpu
from hpo.machine.files import write_json
from hpo.machine.signals import MustPause, never
from hpo.trainers.awd_lstm.evaluation import evaluate
from hpo.trainers.awd_lstm.learner import autocast, build_learner, effective_precision, release, run_fit
from hpo.trainers.awd_lstm.monitor import Diverged, Events, Measured, Monitor, Paused, Stopped
from hpo.trainers.awd_lstm.network.batches import Batches
from hpo.trainers.awd_lstm.network.classifier import bodies_of, build_classifier, choose_architecture
from hpo.trainers.awd_lstm.network.encoder import read_encoder
from hpo.trainers.awd_lstm.network.outputs import class_probabilities, score
from hpo.trainers.awd_lstm.network.weights import copy_encoder, count_params, load_weights, save_weights
from hpo.trainers.awd_lstm.schedule import Fit, plan_fits
from hpo.trainers.awd_lstm.state import capture, restore, restore_weights

History = list[dict[str, float]]


class AwdLstm:
    """Trains and tests AWD-LSTM classifiers; holds nothing between calls."""

    def begin(self, request: TrialRequest) -> Training:
        """Returns the training of a trial, at its beginning."""
        return Training(request)

    def train(self, request: TrialRequest, on_epoch: OnEpoch, must_pause: MustPause = never) -> TrialResult:
        """Trains the trial from its newest checkpoint, or from the start. See `Trainer.train`."""
        history: History = []  # this and the facts outlive a failure
        facts = _describe_surroundings(request)
        reason, error, is_stopped, is_paused = None, None, False, False
        try:
            is_stopped = _run(self.begin, request, on_epoch, must_pause, history=history, facts=facts)
        except Paused:
            is_paused = True
        except Diverged as failure:
            reason, error = Reason.DIVERGED, str(failure)
        except (MemoryError, RuntimeError) as failure:
            if not _is_out_of_memory(failure):
                raise
            reason, error = Reason.OOM, f"Epoch {len(history) + 1}: no memory left on {request.device}. {failure}"
        finally:
            _free_memory(request.device)
        return TrialResult(len(history), stopped=is_stopped, paused=is_paused, reason=reason, error=error, facts=facts)

    def test(self, request: TrialRequest) -> dict[str, float]:
        """Returns the test metrics of the weights `train` left. See `Trainer.test`."""
        torch.set_num_threads(request.threads)
        model, architecture = load_weights(request.folder)
        corpus = open_corpus(request.corpus)
        part = corpus.test
        probabilities = class_probabilities(
            model.to(request.device),
            architecture,
            part,
            batch_size=request.train.batch_size,
            device=request.device,
            autocast=autocast(request),
        )
        scores = score_probabilities(probabilities, np.asarray(part.labels))
        has_read = any(_has_read(folder, corpus.fingerprint) for folder in request.encoders)
        found = evaluate(corpus, probabilities, is_ensemble=architecture.bidir, has_read_test=has_read)
        np.save(Path(request.folder) / PROBABILITIES, probabilities, allow_pickle=False)
        write_json(Path(request.folder) / EVALUATION, found)
        return {
            "test_loss": scores.loss,
            "test_accuracy": scores.accuracy,
            "test_macro_f1": scores.macro_f1,
            "n_test": float(len(part)),
            **{f"test_baseline_{name}": value for name, value in found["baseline"].items()},
        }


def _run(
    begin: Callable[[TrialRequest], Training],
    request: TrialRequest,
    on_epoch: OnEpoch,
    must_pause: MustPause,
    *,
    history: History,
    facts: dict[str, str],
) -> bool:
    """Trains the trial and leaves its weights; returns whether it was told to stop."""
    torch.set_num_threads(request.threads)
    if request.device.startswith("cuda"):
        torch.cuda.init()  # type: ignore[no-untyped-call]  # resetting fails before it; torch left it untyped
        torch.cuda.reset_peak_memory_stats(request.device)
    trial = begin(request)
    facts |= {"n_params": str(count_params(trial.model)), "emb_sz": str(trial.architecture.emb_sz)}
    for name, folder in (("encoder", request.encoder), ("backward_encoder", request.backward_encoder)):
        if folder:
            facts[name] = Path(folder).name
    checkpoint, refused = read_checkpoint(request)
    if refused:
        facts[CHECKPOINT_WARNING] = " ".join(refused)
    if checkpoint is not None:
        history.extend(checkpoint.history)
        facts["resumed_from"] = str(checkpoint.epoch)
    try:
        is_stopped = trial.fit(trial.monitor(on_epoch, must_pause, history), checkpoint)
        trial.leave()
    finally:
        trial.close()
    return is_stopped


class Training:
    """The network of one trial, its batches and its learner."""

    def __init__(self, request: TrialRequest) -> None:
        corpus = open_corpus(request.corpus)
        self.request = request
        self.architecture = choose_architecture(
            request.model, request.train, n_vocab=len(corpus.vocab), n_classes=len(corpus.classes)
        )
        self.order = np.random.default_rng(derive_seed(request.seed, "order"))
        cut = partial(
            Batches, batch_size=request.train.batch_size, bptt=request.train.bptt, device=torch.device(request.device)
        )
        self.train, self.valid = cut(corpus.train, generator=self.order), cut(corpus.valid)
        seed_everything(request.seed, device=request.device)
        self.model = build_classifier(self.architecture)
        self.knows_wikipedia = bool(request.encoder) and read_encoder(request.encoder).knows_wikipedia
        if request.encoder:
            for folder, body in zip(request.encoders, bodies_of(self.model), strict=True):
                copy_encoder(folder, body, corpus.vocab)
        self.learner = build_learner(request, self.model, self.train)

    @property
    def divergence_loss(self) -> float:
        """The largest loss that is still taken for training."""
        return self.request.trainer.divergence_loss

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

    def plan(self) -> list[Fit]:
        """Returns the fits it consists of."""
        n_groups = self.architecture.n_layers + 2
        return plan_fits(self.request.train, n_groups=n_groups, knows_wikipedia=self.knows_wikipedia)

    def leave(self) -> None:
        """Leaves the final weights in the trial's folder."""
        save_weights(self.request.folder, self.model, self.architecture)

    def close(self) -> None:
        """Lets go of everything, as this object may live on in an exception's traceback."""
        release(self.learner)
        vars(self).clear()

    def _fit(self, monitor: Monitor, checkpoint: Checkpoint | None) -> None:
        n_done, is_under_way = 0, False
        if checkpoint is not None:
            n_done, is_under_way = checkpoint.epoch, bool(checkpoint.partial)
            restore_weights(self.model, checkpoint)
            monitor.report_again()
        for fit in self.plan():
            if n_done < fit.n_epochs:
                start = partial(self._restore, checkpoint, with_moments=n_done > 0 or is_under_way)
                validate = partial(self._validate, monitor)
                run_fit(self.learner, fit, Events(monitor, validate, start_epoch=n_done, start=start))
                checkpoint = None
            n_done = max(0, n_done - fit.n_epochs)

    def _validate(self, monitor: Monitor) -> Measured:
        return score(self.model, self.valid, autocast=autocast(self.request), after_batch=monitor.pause_if_asked)

    def _save(self, history: History, done: Mapping[str, float]) -> None:
        """Writes a checkpoint; an epoch under way draws its order again when it goes on."""
        order = self.train.drawn_from if done else self.order.bit_generator.state
        write_checkpoint(self.request, Checkpoint(history, *capture(self.learner, order), done))

    def _restore(self, checkpoint: Checkpoint | None, *, with_moments: bool) -> Mapping[str, float]:
        """Puts back what `checkpoint` holds; returns the sums of the epoch under way."""
        if checkpoint is None:
            return {}
        restore(checkpoint, self.learner, self.order, with_moments=with_moments)
        self.train.n_skipped = checkpoint.n_batches
        return checkpoint.partial


def _has_read(encoder: str, data_fingerprint: str) -> bool:
    try:
        return read_encoder(encoder).has_read(data_fingerprint)
    except ValueError:  # it went with the cache after the training
        return False


def _describe_surroundings(request: TrialRequest) -> dict[str, str]:
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
