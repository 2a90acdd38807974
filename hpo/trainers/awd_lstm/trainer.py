"""The trainer that trains fastai AWD-LSTM text classifiers on a prepared corpus.

What it shares with the training of language models is in `training`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from hpo.artifacts.checkpoint import Checkpoint
from hpo.artifacts.folders import EVALUATION, PROBABILITIES
from hpo.config.training import ANY_LR, ClassWeights, LrAdapt
from hpo.contracts.seeds import seed_everything
from hpo.contracts.trainer import OnEpoch, TrialRequest, TrialResult
from hpo.data.corpus import Corpus, open_corpus
from hpo.data.metrics import all_measures, measure_of, score_probabilities
from hpo.data.vocabulary import Part
from hpo.machine.files import write_json
from hpo.machine.signals import MustPause, never
from hpo.trainers.awd_lstm.hypergradient import Hypergradient, halve, learning_loss
from hpo.trainers.awd_lstm.learner import AR, TAR, autocast, build_learner
from hpo.trainers.awd_lstm.monitor import Monitor
from hpo.trainers.awd_lstm.network.batches import Batches
from hpo.trainers.awd_lstm.network.classifier import DropMult, bodies_of, build_classifier, choose_architecture
from hpo.trainers.awd_lstm.network.encoder import read_encoder
from hpo.trainers.awd_lstm.network.outputs import class_probabilities, score
from hpo.trainers.awd_lstm.network.prodigy import ProdigyW
from hpo.trainers.awd_lstm.network.weights import copy_encoder, load_weights, save_weights
from hpo.trainers.awd_lstm.schedule import Fit, plan_fits
from hpo.trainers.awd_lstm.training import Training, carry_out
from hpo.trainers.evaluation import evaluate


class AwdLstm:
    """Trains and tests AWD-LSTM classifiers; holds nothing between calls."""

    def train(self, request: TrialRequest, on_epoch: OnEpoch, must_pause: MustPause = never) -> TrialResult:
        """Trains the trial from its newest checkpoint, or from the start. See `Trainer.train`."""
        return carry_out(ClassifierTraining, request, on_epoch, must_pause)

    def test(self, request: TrialRequest) -> dict[str, float]:
        """Returns the test metrics of the weights `train` left. See `Trainer.test`."""
        torch.set_num_threads(request.threads)
        model, architecture = load_weights(request.folder)
        corpus = open_corpus(request.corpus)
        part = corpus.test
        with autocast(request):
            probabilities = class_probabilities(
                model.to(request.device),
                architecture,
                part,
                batch_size=request.train.batch_size,
                device=request.device,
            )
        measure = all_measures(request.positive, corpus.classes)
        scores = score_probabilities(probabilities, np.asarray(part.labels), measure)
        has_read = any(_has_read(folder, corpus.fingerprint) for folder in request.encoders)
        found = evaluate(
            corpus,
            probabilities,
            positive=request.positive,
            is_ensemble=architecture.bidir,
            has_read_test=has_read,
        )
        np.save(Path(request.folder) / PROBABILITIES, probabilities, allow_pickle=False)
        write_json(Path(request.folder) / EVALUATION, found)
        return {
            **{f"test_{name}": value for name, value in scores.plain.items()},
            "n_test": float(len(part)),
            **{f"test_baseline_{name}": value for name, value in found["baseline"].items()},
        }


class ClassifierTraining(Training):
    """The classifier of one trial, its batches and its learner."""

    request: TrialRequest
    train: Batches

    def __init__(self, request: TrialRequest) -> None:
        super().__init__(request)
        corpus = open_corpus(request.corpus)
        self.architecture = choose_architecture(
            request.model, request.train, n_vocab=len(corpus.vocab), n_classes=len(corpus.classes)
        )
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
        measure = measure_of(request.metric, request.positive, corpus.classes)
        self.measure = measure if measure.metrics else None
        self.learner = build_learner(request, self.model, self.train, weights=self._weights(corpus))
        self.hyper: Hypergradient | None = None
        if request.train.lr_adapt is LrAdapt.hypergradient:
            held, rest = halve(corpus.valid)
            self.whole, self.valid = self.valid, cut(rest)
            self.hyper = self._hypergradient(held)
            self.callbacks = [self.hyper]

    def _weights(self, corpus: Corpus) -> torch.Tensor | None:
        """Returns what a text of each class counts in the loss, on average 1; None where all count alike."""
        if self.request.train.class_weights is ClassWeights.none:
            return None
        counts = np.bincount(np.asarray(corpus.train.labels), minlength=len(corpus.classes))
        weights = counts.sum() / (len(counts) * np.maximum(counts, 1))
        return torch.tensor(weights, dtype=torch.float32, device=self.request.device)

    @property
    def divergence_loss(self) -> float:
        return self.request.trainer.divergence_loss

    @property
    def facts(self) -> dict[str, str]:
        encoders = {"encoder": self.request.encoder, "backward_encoder": self.request.backward_encoder}
        names = {name: Path(folder).name for name, folder in encoders.items() if folder}
        return {**super().facts, "emb_sz": str(self.architecture.emb_sz), **names}

    def plan(self) -> list[Fit]:
        n_groups = self.architecture.n_layers + 2
        return plan_fits(self.request.train, n_groups=n_groups, knows_wikipedia=self.knows_wikipedia)

    def leave(self) -> None:
        save_weights(self.request.folder, self.model, self.architecture)

    def _validate(self, monitor: Monitor) -> dict[str, float]:
        scores = score(self.model, self.valid, monitor.pause_if_asked, measure=self.measure).metrics
        if isinstance(self.learner.opt, ProdigyW):
            scores["lr"] = self.learner.opt.rate
        if self.hyper is None:
            return scores
        whole = score(self.model, self.whole, monitor.pause_if_asked, measure=self.measure).metrics
        return {**scores, **{f"whole_{name}": whole[name] for name in scores}, **self.hyper.sum_up(len(self.train))}

    def _hypergradient(self, held: Part) -> Hypergradient:
        request, drop_bounds = self.request, self.request.train.drop_bounds
        return Hypergradient(
            held,
            seed=request.seed,
            batch_size=request.train.batch_size,
            bptt=request.train.bptt,
            device=self.train.device,
            lr=(request.train.lr, request.train.lr_bounds or ANY_LR),
            dropout=(DropMult(self.model, request.model.drop_mult), drop_bounds) if drop_bounds else None,
            every=request.train.hyper_every,
            rate=request.train.hyper_rate,
            loss=partial(learning_loss, ar=AR, tar=TAR),
        )

    def _own_state(self) -> Mapping[str, object]:
        return {"hypergradient": self.hyper.state()} if self.hyper else {}

    def _restore(self, checkpoint: Checkpoint | None, *, with_moments: bool) -> Mapping[str, float]:
        if checkpoint is not None and self.hyper is not None:
            self.hyper.load(checkpoint.state["hypergradient"])  # type: ignore[arg-type]  # it is as it was saved
        return super()._restore(checkpoint, with_moments=with_moments)


def _has_read(encoder: str, data_fingerprint: str) -> bool:
    try:
        return read_encoder(encoder).has_read(data_fingerprint)
    except ValueError:  # it went with the cache after the training
        return False
