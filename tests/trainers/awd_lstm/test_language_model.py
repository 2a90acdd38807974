from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from hpo.artifacts.checkpoint import read_checkpoint
from hpo.config.training import EncoderConfig, Precision, Sizes, Start
from hpo.contracts.trainer import EncoderRequest, EpochReport
from hpo.data.corpus import open_corpus
from hpo.trainers.awd_lstm.language_model import LanguageTraining, language_texts, split_language_texts, train_encoder
from hpo.trainers.awd_lstm.network.classifier import bodies_of
from hpo.trainers.awd_lstm.network.encoder import WEIGHTS, read_encoder, vocab_digest
from hpo.trainers.awd_lstm.network.weights import named_tensors
from hpo.trainers.awd_lstm.trainer import AwdLstm, ClassifierTraining
from tests.support.trial_requests import Listener, PauseAfter, make_request, repeatable, write_corpus

ENCODER = EncoderConfig(
    start=Start.scratch,
    epochs=3,
    lr=2e-2,
    batch_size=4,
    bptt=12,
    drop_mult=0.3,
    weight_decay=0.01,
    valid=0.1,
    use_all_texts=False,
    precision=Precision.fp32,
    seed=0,
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "small")


def request_in(folder: Path, corpus: Path, **encoder: object) -> EncoderRequest:
    folder.mkdir(parents=True, exist_ok=True)
    return EncoderRequest(
        number=0,
        attempt=1,
        sizes=Sizes(emb_sz=8, n_hid=12, n_layers=2),
        train=replace(ENCODER, **encoder),  # type: ignore[arg-type]  # its keys say which is which
        corpus=str(corpus),
        seed=1,
        device="cpu",
        threads=1,
        folder=str(folder),
    )


def train(request: EncoderRequest, **listener: object) -> list[EpochReport]:
    heard = Listener(**listener)  # type: ignore[arg-type]
    train_encoder(request, heard)
    return heard.reports


def forget_seeds() -> None:
    random.seed(9), np.random.seed(9), torch.manual_seed(9)  # as another process would have it


def test_learns(tmp_path: Path, corpus: Path) -> None:
    reports = train(request_in(tmp_path, corpus, epochs=6))
    perplexities = [report.metrics["perplexity"] for report in reports]
    assert perplexities[-1] < 0.9 * perplexities[0]
    assert perplexities[-1] < 57  # an even guess among the words there are
    assert reports[-1].metrics["perplexity"] == pytest.approx(np.exp(reports[-1].metrics["valid_loss"]))


def test_is_fastais_language_model(tmp_path: Path, corpus: Path) -> None:
    """Without dropout, equal weights give the outputs of fastai's own network."""
    from hpo.machine.fastai_import import fastai_import
    from hpo.trainers.awd_lstm.network.fastai import AWD_LSTM, awd_lstm_lm_config

    with fastai_import():
        from fastai.text.models.core import get_language_model

    request = request_in(tmp_path, corpus)
    ours = LanguageTraining(replace(request, train=replace(request.train, drop_mult=0.0))).model
    theirs = get_language_model(AWD_LSTM, 60, {**awd_lstm_lm_config, "emb_sz": 8, "n_hid": 12, "n_layers": 2}, 0.0)
    theirs.eval(), ours.eval()
    found = {f"0.{name}": tensor for name, tensor in named_tensors(ours[0].body).items()}
    theirs.load_state_dict({**found, "1.decoder.bias": ours[1].decoder.bias}, strict=False)
    theirs.reset(), ours.reset()
    for ids in torch.randint(3, 60, (3, 4, 12)):  # the hidden state goes on from one window to the next
        assert torch.allclose(ours(ids)[0], theirs(ids)[0], atol=1e-6)


@pytest.mark.parametrize("n_texts", [3, 400])  # 400: more tokens than are scored at once
@pytest.mark.parametrize("freeze_to", [0, -1])
def test_it_learns_what_the_cross_entropy_of_all_logits_teaches(
    tmp_path: Path, corpus: Path, n_texts: int, freeze_to: int
) -> None:
    request = request_in(tmp_path, corpus)
    training = LanguageTraining(replace(request, train=replace(request.train, drop_mult=0.0)))
    training.learner.freeze_to(freeze_to)
    model, loss = training.model.train(), training.learner.loss_func
    ids, targets = torch.randint(3, 60, (n_texts, 4)), torch.randint(3, 60, (n_texts, 4))

    def learn(score: Callable[[Tensor], Tensor]) -> tuple[Tensor, list[Tensor]]:
        model.reset(), model.zero_grad()
        found = score(model(ids)[0])
        found.backward()
        return found.detach(), [p.grad.clone() for p in model.parameters() if p.grad is not None]

    ours, our_gradients = learn(lambda vectors: loss(vectors, targets))
    whole, gradients = learn(lambda vectors: cross_entropy(model[1].decoder(vectors).flatten(0, 1), targets.flatten()))
    assert torch.allclose(ours, whole, atol=1e-6)
    assert len(our_gradients) == len(gradients) > 0
    for one, other in zip(our_gradients, gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_killed_and_continued_it_is_the_same_encoder(tmp_path: Path, corpus: Path, killed_at: int) -> None:
    undisturbed = train(request_in(tmp_path / "undisturbed", corpus))
    request = request_in(tmp_path / "killed", corpus)
    with pytest.raises(RuntimeError, match="killed"):
        train(request, fail_at=killed_at)
    forget_seeds()
    assert repeatable(train(request)) == repeatable(undisturbed)
    weights = [(tmp_path / name / WEIGHTS).read_bytes() for name in ("undisturbed", "killed")]
    assert weights[0] == weights[1]


def test_a_backward_one_reads_each_text_from_its_end(tmp_path: Path, corpus: Path) -> None:
    forwards, backwards = (request_in(tmp_path / f"{way}", corpus, backward=way) for way in (False, True))
    opened = open_corpus(corpus)
    texts = [language_texts(opened, request) for request in (forwards, backwards)]
    assert [text[::-1].tolist() for text in texts[0]] == [text.tolist() for text in texts[1]]
    assert any(text[0] != text[-1] for text in texts[0])
    undisturbed = train(backwards)
    assert repeatable(undisturbed) != repeatable(train(forwards))
    killed = request_in(tmp_path / "killed", corpus, backward=True)
    with pytest.raises(RuntimeError, match="killed"):
        train(killed, fail_at=2)
    forget_seeds()
    assert repeatable(train(killed)) == repeatable(undisturbed)


def test_pausing_at_any_window_changes_no_bit(tmp_path: Path, corpus: Path) -> None:
    undisturbed = train(request_in(tmp_path / "undisturbed", corpus))
    n_asked = PauseAfter(10**6)
    train_encoder(request_in(tmp_path / "counted", corpus), Listener(), n_asked)
    for after in range(3, n_asked.n_asked, 41):
        request = request_in(tmp_path / f"{after}", corpus)
        assert train_encoder(request, Listener(), PauseAfter(after)).paused
        forget_seeds()
        assert repeatable(train(request)) == repeatable(undisturbed)
        weights = [(tmp_path / name / WEIGHTS).read_bytes() for name in ("undisturbed", f"{after}")]
        assert weights[0] == weights[1], f"paused after {after} windows"


def test_a_pause_keeps_the_hidden_state(tmp_path: Path, corpus: Path) -> None:
    request = request_in(tmp_path, corpus)
    train_encoder(request, Listener(), PauseAfter(5))
    checkpoint, _ = read_checkpoint(request)
    assert checkpoint is not None
    assert np.abs(checkpoint.tensors["hidden.1.0"]).max() > 0


def test_valid_and_test_texts_are_not_read(tmp_path: Path, corpus: Path) -> None:
    opened = open_corpus(corpus)
    request = request_in(tmp_path, corpus)
    parts = {name: len(opened.part(name)) for name in ("train", "valid", "test")}
    texts = language_texts(opened, request)
    assert len(texts) == parts["train"]
    assert np.concatenate(texts).tolist() == opened.train.ids.tolist()
    everything = language_texts(opened, request_in(tmp_path, corpus, use_all_texts=True))
    assert len(everything) == sum(parts.values())
    training = LanguageTraining(request)
    assert training.train.n_tokens + training.valid.n_tokens == len(opened.train.ids)


def test_no_text_is_trained_on_and_measured_on(corpus: Path) -> None:
    texts = [np.array([number], dtype=np.uint16) for number in range(40)]
    train_texts, valid_texts = split_language_texts(texts, 0.1, seed=0)
    assert len(valid_texts) == 4
    assert sorted(int(text[0]) for text in train_texts + valid_texts) == list(range(40))
    for n_texts in (2, 3):
        assert all(split_language_texts(texts[:n_texts], 0.01, seed=0))
        assert all(split_language_texts(texts[:n_texts], 0.99, seed=0))


def test_a_classifier_starts_from_it(tmp_path: Path, corpus: Path) -> None:
    request = request_in(tmp_path / "encoder", corpus)
    train(request)
    encoder = str(tmp_path / "encoder")
    scratch = make_request(tmp_path / "scratch", corpus=corpus)
    trial = replace(scratch, encoder=encoder, folder=str(tmp_path))
    begun, untouched = ClassifierTraining(trial), ClassifierTraining(scratch)
    language = LanguageTraining(replace(request, start=encoder))
    body, trained = named_tensors(bodies_of(begun.model)[0]), named_tensors(language.model[0].body)
    assert {name: t.tolist() for name, t in body.items()} == {name: t.tolist() for name, t in trained.items()}
    assert body["encoder.weight"].tolist() != named_tensors(bodies_of(untouched.model)[0])["encoder.weight"].tolist()
    assert begun.model[1].state_dict().keys() == untouched.model[1].state_dict().keys()
    for name, tensor in begun.model[1].state_dict().items():  # the head's first weights are the seed's
        assert torch.equal(tensor, untouched.model[1].state_dict()[name])
    assert [fit.freeze_to for fit in begun.plan()] == [0]  # it knows no more than the texts
    assert AwdLstm().train(trial, Listener()).reason is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda folder: flip(folder / WEIGHTS), "does not match its hash"),
        (lambda folder: (folder / WEIGHTS).unlink(), "lacks encoder.safetensors"),
        (lambda folder: (folder / "encoder.json").write_text("{"), "damaged encoder.json"),
        (lambda folder: (folder / "encoder.json").write_text('{"format": 99}'), "format 99, this version reads 1"),
    ],
)
def test_a_damaged_encoder_is_refused(tmp_path: Path, corpus: Path, change: object, sentence: str) -> None:
    train(request_in(tmp_path, corpus, epochs=1))
    assert callable(change)
    change(tmp_path)
    with pytest.raises(ValueError, match=sentence):
        ClassifierTraining(replace(make_request(tmp_path / "trial", corpus=corpus), encoder=str(tmp_path)))


def test_an_encoder_of_another_vocabulary_is_refused(tmp_path: Path, corpus: Path) -> None:
    train(request_in(tmp_path, corpus, epochs=1))
    assert read_encoder(tmp_path).vocab == vocab_digest(open_corpus(corpus).vocab)
    other = write_corpus(tmp_path / "other", n_vocab=61)
    with pytest.raises(ValueError, match="another vocabulary"):
        ClassifierTraining(replace(make_request(tmp_path / "trial", corpus=other), encoder=str(tmp_path)))


def test_an_encoder_is_part_of_what_a_checkpoint_belongs_to(tmp_path: Path) -> None:
    from hpo.artifacts.checkpoint import hash_request

    request = make_request(tmp_path)
    assert hash_request(request) != hash_request(replace(request, encoder="/cache/encoder-1"))
    assert hash_request(replace(request, encoder="/a/encoder-1")) == hash_request(
        replace(request, encoder="/b/encoder-1")
    )
    assert hash_request(replace(request, model=replace(request.model, encoder="scratch"))) == HASH_FROM_SCRATCH


def test_the_direction_is_part_of_what_a_checkpoint_belongs_to(tmp_path: Path) -> None:
    from hpo.artifacts.checkpoint import hash_request

    request = request_in(tmp_path / "x", tmp_path / "small")
    assert hash_request(request) == "1dd45349358b453c71422818df1c2bdec068b641dd2c5ec8087fb9de653e6d02"
    assert hash_request(request_in(tmp_path / "x", tmp_path / "small", backward=True)) != hash_request(request)


HASH_FROM_SCRATCH = "6c6e14f1dba326469ceda21b98f65a05e3c72fd000791ff85397fedf4e640851"  # a change of it is meant


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
