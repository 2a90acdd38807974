"""The trainer of linear models of n-grams on a prepared corpus, whole texts: no cut, no limit to the words.

An epoch is a fit from nothing to a share of the train part, each twice as large as the one before, the last to all of
it: so an epoch depends on no other, a trial that goes on is the trial it was bit for bit, and what a pruner sees is a
learning curve, whose first points cost little. All epochs together cost less than two of the last.
"""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.artifacts.checkpoint import CHECKPOINT_WARNING, Checkpoint, read_checkpoint, write_checkpoint
from hpo.artifacts.folders import EVALUATION, PROBABILITIES
from hpo.config.training import ClassWeights
from hpo.contracts.seeds import derive_seed
from hpo.contracts.trainer import Decision, EpochReport, OnEpoch, Reason, TrialRequest, TrialResult
from hpo.data.corpus import Corpus, open_corpus
from hpo.data.grams import find_grams
from hpo.data.metrics import all_measures, measure_of, score_probabilities
from hpo.data.regressions import Weights, finite, fit_regression
from hpo.data.vocabulary import Part, take_texts
from hpo.machine.files import write_json
from hpo.machine.signals import MustPause, never
from hpo.trainers.evaluation import evaluate
from hpo.trainers.linear.model import LinearModel, load_model, save_model
from hpo.trainers.linear.settings import LinearSettings, Weighting

FEWEST = 32  # texts of the smallest share
IDF_STRENGTH = 3.0  # of `both`: plain entries are smaller, so their regression has a penalty as much weaker


class Linear:
    """Trains and tests linear models; holds nothing between calls."""

    def train(self, request: TrialRequest, on_epoch: OnEpoch, must_pause: MustPause = never) -> TrialResult:
        """Fits each share that no checkpoint has. A regression is one batch. See `Trainer.train`."""
        checkpoint, refused = read_checkpoint(request)
        history = list(checkpoint.history) if checkpoint else []
        facts = {
            "device": "cpu",
            "host": socket.gethostname(),
            "precision": "fp64",
            "threads": "1",
            "n_params": "0",
            "resumed_from": f"{len(history)}",
        }
        if refused:
            facts[CHECKPOINT_WARNING] = " ".join(refused)
        try:
            return _Training(request, on_epoch, must_pause, history, facts).run(checkpoint)
        except ValueError as failure:  # no word is in enough of the texts
            return TrialResult(len(history), reason=Reason.ERROR, error=str(failure), facts=facts)
        except MemoryError as failure:
            error = f"Epoch {len(history) + 1}: no memory left: {failure or 'the n-grams are too many'}."
            return TrialResult(len(history), reason=Reason.OOM, error=error, facts=facts)

    def test(self, request: TrialRequest) -> dict[str, float]:
        """Returns the test metrics of the model `train` left. See `Trainer.test`."""
        model = load_model(request.folder)
        corpus = open_corpus(request.corpus)
        part = corpus.whole("test")
        probabilities, _ = model.probabilities(part, corpus.words())
        scores = score_probabilities(
            probabilities, np.asarray(part.labels), all_measures(request.positive, corpus.classes)
        )
        found = evaluate(corpus, probabilities, positive=request.positive)
        np.save(Path(request.folder) / PROBABILITIES, probabilities, allow_pickle=False)
        write_json(Path(request.folder) / EVALUATION, found)
        return {
            **{f"test_{name}": value for name, value in scores.plain.items()},
            "n_test": float(len(part)),
            **{f"test_baseline_{name}": value for name, value in found["baseline"].items()},
        }


class _Training:
    """One training, from its newest checkpoint on."""

    def __init__(
        self,
        request: TrialRequest,
        on_epoch: OnEpoch,
        must_pause: MustPause,
        history: list[dict[str, float]],
        facts: dict[str, str],
    ) -> None:
        assert isinstance(request.trainer, LinearSettings)
        self._request, self._on_epoch, self._must_pause = request, on_epoch, must_pause
        self._history, self._facts = history, facts
        self._settings = request.trainer.with_params(request.arguments)
        self._measure = measure_of(request.metric, request.positive, self._corpus.classes)

    @cached_property
    def _corpus(self) -> Corpus:
        return open_corpus(self._request.corpus)

    @cached_property
    def _words(self) -> list[str]:
        return self._corpus.words()

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        return np.random.default_rng(derive_seed(self._request.seed, "order")).permutation(len(self._corpus.train))

    def run(self, checkpoint: Checkpoint | None) -> TrialResult:
        """Reports what the checkpoint holds, fits the rest, and leaves the last fit."""
        n_done, decision = 0, Decision.CONTINUE
        model: LinearModel | None = None
        while n_done < self._request.train.epochs and decision is Decision.CONTINUE:
            if n_done == len(self._history):
                partial = checkpoint if checkpoint and checkpoint.partial and checkpoint.epoch == n_done else None
                model = self._fit(n_done + 1, partial, self._must_pause)
                if model is None:
                    return TrialResult(n_done, paused=True, facts=self._facts)
                write_checkpoint(self._request, Checkpoint(self._history))
            n_done += 1
            decision = self._on_epoch(EpochReport(n_done, self._history[n_done - 1]))
        if decision is Decision.PAUSE:
            return TrialResult(n_done, paused=True, facts=self._facts)
        if model is None:  # it was fitted before the process ended; a fit is what it was
            del self._history[n_done - 1 :]
            model = self._fit(n_done, None, never)
        assert model is not None
        save_model(self._request.folder, model)
        self._facts["n_params"] = str(model.n_params)
        return TrialResult(n_done, stopped=decision is Decision.STOP, facts=self._facts)

    def _share(self, epoch: int) -> NDArray[np.int64]:
        """Returns the texts of the train part that an epoch fits: each has twice those of the one before."""
        n_texts = len(self._order)
        n_wanted = max(FEWEST, n_texts >> (self._request.train.epochs - epoch))
        return np.sort(self._order[: min(n_texts, n_wanted)])

    def _fit(self, epoch: int, checkpoint: Checkpoint | None, must_pause: MustPause) -> LinearModel | None:
        """Returns the model of an epoch, whose metrics join the history; None if it was to pause before its end."""
        started, settings = time.perf_counter(), self._settings
        whole = self._corpus.whole("train")
        rows = self._share(epoch)
        part = whole if len(rows) == len(whole) else take_texts(whole, rows)
        grams = find_grams(part, self._words, words=settings.words, chars=settings.chars, min_df=settings.min_df)
        bags = grams.of(part, self._words)
        labels, n_classes = np.asarray(part.labels), len(self._corpus.classes)
        fitted = list(zip(checkpoint.tensors["weights"], checkpoint.tensors["bias"], strict=True)) if checkpoint else []
        spent_s = checkpoint.partial["seconds"] if checkpoint else 0.0
        for label in (range(n_classes) if n_classes > 2 else [1])[len(fitted) :]:
            fitted.append(self._fit_class(bags, labels, label))
            if must_pause():
                done = {"n_batches": float(len(fitted)), "seconds": spent_s + time.perf_counter() - started}
                tensors = {"weights": np.stack([row for row, _ in fitted]), "bias": np.array([b for _, b in fitted])}
                write_checkpoint(self._request, Checkpoint(self._history, tensors, partial=done))
                return None
        weights = np.stack([row for row, _ in fitted])
        model = LinearModel(grams, Weights(weights, finite(np.array([bias for _, bias in fitted]))), n_classes)
        metrics = self._score(model, part)
        seconds = spent_s + time.perf_counter() - started
        self._history.append({**metrics, "seconds": seconds, "tokens_per_s": len(part.ids) / seconds, **_peak()})
        return model

    def _fit_class(self, bags: Any, labels: NDArray[np.int64], label: int) -> tuple[NDArray[np.float32], float]:
        """Returns the weights and the bias of a class: those of a regression, or the means of two."""
        settings = self._settings
        kinds = {Weighting.nb: [True], Weighting.idf: [False], Weighting.both: [True, False]}[settings.weighting]
        fits = [
            fit_regression(
                bags,
                labels == label,
                strength=settings.C * (IDF_STRENGTH if len(kinds) == 2 and not is_weighted else 1.0),
                is_weighted=is_weighted,
                seed=derive_seed(self._request.seed, "solver", label) % 2**31,
                text_weights=self._text_weights(labels),
            )
            for is_weighted in kinds
        ]
        return np.mean([row for row, _ in fits], axis=0, dtype=np.float32), float(np.mean([bias for _, bias in fits]))

    def _text_weights(self, labels: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Returns what each text counts, on average 1; None where all count alike."""
        if self._request.train.class_weights is ClassWeights.none:
            return None
        counts = np.bincount(labels)
        return np.asarray((counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1)))[labels])

    def _score(self, model: LinearModel, part: Part) -> dict[str, float]:
        valid = self._corpus.whole("valid")
        on_train, _ = model.probabilities(part, self._words)
        on_valid, _ = model.probabilities(valid, self._words)
        scores = score_probabilities(on_valid, np.asarray(valid.labels), self._measure)
        return {"train_loss": score_probabilities(on_train, np.asarray(part.labels)).loss, **scores.metrics}


def _peak() -> Mapping[str, float]:
    return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
