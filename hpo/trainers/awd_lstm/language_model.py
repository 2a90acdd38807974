"""The trainer of language models: fastai's AWD-LSTM with its decoder, trained on the texts of a corpus.

What it leaves is an encoder. Which ones are trained, and where they are kept, is `encoders.needed`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import LinearCrossEntropyOptions
from torch.nn.functional import cross_entropy, linear_cross_entropy

from hpo.artifacts.checkpoint import Array, Checkpoint
from hpo.artifacts.steps import StepCounter
from hpo.config.training import Start
from hpo.contracts.seeds import derive_seed, seed_everything
from hpo.contracts.trainer import EncoderRequest, OnEpoch, TrialResult
from hpo.data.corpus import Corpus, open_corpus
from hpo.data.unlabelled import open_unlabelled
from hpo.data.vocabulary import Text, cut_texts
from hpo.machine.files import hash_bytes
from hpo.machine.signals import MustPause, never
from hpo.trainers.awd_lstm.learner import build_learner
from hpo.trainers.awd_lstm.monitor import Monitor
from hpo.trainers.awd_lstm.network.body import build_body
from hpo.trainers.awd_lstm.network.encoder import Encoder, vocab_digest, write_encoder
from hpo.trainers.awd_lstm.network.fastai import LinearDecoder, SequentialRNN, awd_lstm_lm_config, awd_lstm_lm_split
from hpo.trainers.awd_lstm.network.lm_batches import Windows
from hpo.trainers.awd_lstm.network.weights import DECODER_BIAS, copy_encoder, named_tensors, pack
from hpo.trainers.awd_lstm.schedule import Fit
from hpo.trainers.awd_lstm.training import History, Training, carry_out

_N_ROWS = 256  # tokens whose logits are held at once: they stay in a core's cache; torch's own choice is 2x slower
_DIVERGENCE_LOSS = 50.0  # nats; an even guess among a million tokens is 14


def train_encoder(request: EncoderRequest, on_epoch: OnEpoch, must_pause: MustPause = never) -> TrialResult:
    """Trains a language model from its newest checkpoint, or from the start, as `Trainer.train` does a trial.

    What it leaves in the request's folder is an encoder.
    """
    return carry_out(LanguageTraining, request, on_epoch, must_pause)


class LanguageTraining(Training):
    """The language model of one request, its windows and its learner."""

    request: EncoderRequest
    train: Windows

    def __init__(self, request: EncoderRequest) -> None:
        super().__init__(request)
        config, corpus = request.train, open_corpus(request.corpus)
        self.vocab = vocab_digest(corpus.vocab)
        train, valid = split_language_texts(language_texts(corpus, request), config.valid, request.seed)
        cut = partial(Windows, batch_size=config.batch_size, bptt=config.bptt, device=torch.device(request.device))
        self.train, self.valid = cut(train, generator=self.order), cut(valid)
        seed_everything(request.seed, device=request.device)
        self.model = build_language_model(len(corpus.vocab), request)
        if request.start:
            copy_encoder(request.start, self.model[0].body, corpus.vocab, bias=self.model[1].decoder.bias)
        loss = partial(_loss, self.model[1].decoder)
        self.learner = build_learner(request, self.model, self.train, loss=loss, splitter=_split)

    @property
    def divergence_loss(self) -> float:
        return _DIVERGENCE_LOSS

    def monitor(self, on_epoch: OnEpoch, must_pause: MustPause, history: History) -> Monitor:
        """Returns one that also writes down, now and then, how many batches are done: epochs are long."""
        counter = StepCounter(self.request.folder, len(self.train), self.request.train.epochs)
        return replace(super().monitor(on_epoch, must_pause, history), on_batch=counter.count)

    def plan(self) -> list[Fit]:
        """Returns one cycle; from wt103, as in fastai's text tutorial, the embeddings alone and then all at a tenth."""
        train = self.request.train
        if train.start is Start.scratch or train.epochs == 1:
            return [Fit(train.epochs, freeze_to=0, lr=train.lr)]
        return [Fit(1, freeze_to=-1, lr=train.lr), Fit(train.epochs - 1, freeze_to=0, lr=train.lr / 10)]

    def leave(self) -> None:
        """Leaves an encoder in the request's folder; whoever keeps it knows more of it."""
        data = pack({**named_tensors(self.model[0].body), DECODER_BIAS: self.model[1].decoder.bias})
        encoder = Encoder(self.request.sizes, self.vocab, hash_bytes(data))
        write_encoder(Path(self.request.folder), data, encoder)

    def _validate(self, monitor: Monitor) -> dict[str, float]:
        return score_language(self.model, self.valid, monitor.pause_if_asked)

    def _hidden(self) -> Mapping[str, Tensor]:
        hidden: Mapping[str, Tensor] = self.model[0].hidden_tensors()
        return hidden

    def _restore(self, checkpoint: Checkpoint | None, *, with_moments: bool) -> Mapping[str, float]:
        done = super()._restore(checkpoint, with_moments=with_moments)
        if checkpoint is not None and done:
            self.model[0].resume_from(checkpoint.tensors)
        return done


class _LanguageBody(nn.Module):
    """A body that keeps its hidden state from window to window, also over an interruption."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body: Any = body
        self._waiting: list[tuple[Tensor, Tensor]] | None = None

    def forward(self, ids: Tensor) -> Tensor:
        vectors = self.body.encoder_dp(ids, ids.shape[1])
        output: Tensor = self.body(vectors, from_embeds=True)
        return output

    def reset(self) -> None:
        """Begins at the beginning, or where `resume_from` says; fastai calls it before each epoch."""
        self.body.reset()
        if self._waiting is not None:
            self.body.bs = self._waiting[0][0].shape[1]
            self.body.hidden, self._waiting = self._waiting, None

    def hidden_tensors(self) -> dict[str, Tensor]:
        """Returns the hidden state by name."""
        states = enumerate(self.body.hidden)
        return {f"hidden.{layer}.{part}": each for layer, pair in states for part, each in enumerate(pair)}

    def resume_from(self, tensors: Mapping[str, Array]) -> None:
        """Lets the next epoch go on from a hidden state."""
        device = self.body.encoder.weight.device
        layers = range(len(self.body.rnns))
        arrays = [[tensors[f"hidden.{layer}.{part}"] for part in (0, 1)] for layer in layers]
        self._waiting = [
            (torch.from_numpy(h.copy()).to(device), torch.from_numpy(c.copy()).to(device)) for h, c in arrays
        ]


class _Decoder(LinearDecoder):  # type: ignore[misc]  # fastai is untyped
    """fastai's, which in training leaves the logits to the loss: all of them at once are the most of a step."""

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        dropped = self.output_dp(vectors)
        return dropped if self.training else self.decoder(dropped), vectors, dropped


def build_language_model(n_vocab: int, request: EncoderRequest) -> Any:
    """Returns fastai's language model, its decoder tied to its embeddings; draws as fastai does."""
    dropouts = {name: p * request.train.drop_mult for name, p in awd_lstm_lm_config.items() if name.endswith("_p")}
    output_p = dropouts.pop("output_p")
    body: Any = build_body(n_vocab, request.sizes, dropouts)
    return SequentialRNN(
        _LanguageBody(body), _Decoder(n_vocab, request.sizes.emb_sz, output_p, tie_encoder=body.encoder)
    )


def language_texts(corpus: Corpus, request: EncoderRequest) -> list[Text]:
    """Returns the texts a language model may see: those trained on and those without labels, or all if asked for.

    For one that reads backwards each text is reversed, as by fastai's `reverse_text`.
    """
    config = request.train
    parts = [corpus.train, *([corpus.valid, corpus.test] if config.use_all_texts else [])]
    texts = [text for part in parts for text in cut_texts(part.ids, part.offsets)]
    texts += open_unlabelled(request.more_texts) if request.more_texts else []
    return [text[::-1] for text in texts] if config.backward else texts


def split_language_texts(texts: Sequence[Text], valid: float, seed: int) -> tuple[list[Text], list[Text]]:
    """Returns the texts that are trained on and those that the perplexity is measured on, one of each at least."""
    order = np.random.default_rng(derive_seed(seed, "valid")).permutation(len(texts))
    n_valid = min(max(1, round(valid * len(texts))), len(texts) - 1)
    held_out = set(order[:n_valid].tolist())
    return (
        [text for i, text in enumerate(texts) if i not in held_out],
        [text for i, text in enumerate(texts) if i in held_out],
    )


@torch.no_grad()
def score_language(model: nn.Module, windows: Windows, after_batch: Callable[[], None]) -> dict[str, float]:
    """Returns means over the tokens of a part, the loss in nats; leaves the model in evaluation mode and reset."""
    model.eval()
    reset: Callable[[], None] = model.reset  # type: ignore[assignment]  # SequentialRNN has it, nn.Module has not
    reset()
    losses, hits, n_tokens = [], [], 0
    for ids, targets in windows:
        logits = model(ids)[0].float().flatten(0, 1)
        losses.append(cross_entropy(logits, targets.flatten(), reduction="sum").double())
        hits.append((logits.argmax(1) == targets.flatten()).sum())
        n_tokens += targets.numel()
        after_batch()
    reset()
    loss, accuracy = (torch.stack(sums).sum().item() / n_tokens for sums in (losses, hits))
    return {"valid_loss": loss, "perplexity": math.exp(min(loss, 700.0)), "accuracy": accuracy}


def _loss(decoder: nn.Linear, vectors: Tensor, targets: Tensor) -> Tensor:
    """Returns the mean cross-entropy of the next words; vectors: what the decoder is given, (bs, seq, emb_sz)."""
    rows, words = vectors.flatten(0, 1), targets.flatten()
    if torch.is_autocast_enabled(vectors.device.type):
        return cross_entropy(decoder(rows), words)
    options = LinearCrossEntropyOptions(batch_chunk_size=_N_ROWS if vectors.device.type == "cpu" else None)
    return linear_cross_entropy(rows, decoder.weight, words, linear_bias=decoder.bias, options=options)


def _split(model: Any) -> object:
    return awd_lstm_lm_split([model[0].body, model[1]])
