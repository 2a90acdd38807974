from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from hpo.data.corpus import Part
from hpo.trainers.awd_lstm.network.batches import PAD, Batches
from hpo.trainers.awd_lstm.network.classifier import Architecture, build_classifier, choose_architecture
from hpo.trainers.awd_lstm.network.fastai import AWD_LSTM
from tests.support.trial_requests import make_request

SMALL = Architecture(n_vocab=50, n_classes=3, emb_sz=6, n_hid=10, n_layers=2, drop_mult=0.5, bptt=12, max_len=30)


def build(architecture: Architecture, *, seed: int = 1) -> nn.Module:
    torch.manual_seed(seed)
    return build_classifier(architecture)


def build_fastais(a: Architecture) -> nn.Module:
    from fastai.text.models.core import get_text_classifier

    torch.manual_seed(1)
    config = {"emb_sz": a.emb_sz, "n_hid": a.n_hid, "n_layers": a.n_layers}
    model: nn.Module = get_text_classifier(
        AWD_LSTM, a.n_vocab, a.n_classes, seq_len=a.bptt, config=config, drop_mult=a.drop_mult, max_len=a.max_len
    )
    return model


@pytest.fixture
def batches() -> Batches:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 70, 37)  # longer than max_len and than several chunks
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Batches(Part(rng.integers(2, 50, offsets[-1]), offsets, rng.integers(0, 3, 37)), batch_size=8, bptt=12)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_starts_with_fastais_weights_under_fastais_names(n_layers: int) -> None:
    architecture = replace(SMALL, n_layers=n_layers)
    ours, fastais = build(architecture).state_dict(), build_fastais(architecture).state_dict()
    assert list(ours) == list(fastais)
    assert all(torch.equal(ours[name], fastais[name]) for name in ours)


def test_predicts_what_fastai_predicts(batches: Batches) -> None:
    ours, fastais = build(SMALL).eval(), build_fastais(SMALL).eval()
    with torch.no_grad():
        for ids, _ in batches:
            for output, expected in zip(ours(ids), fastais(ids), strict=True):
                assert torch.equal(output, expected)


def test_without_dropout_it_learns_what_fastai_learns(batches: Batches) -> None:
    architecture = replace(SMALL, drop_mult=0.0)
    ours, fastais = build(architecture).train(), build_fastais(replace(architecture, drop_mult=1e-9)).train()
    for model in (ours, fastais):
        head = [module for module in model.modules() if isinstance(module, nn.Dropout)]
        for dropout in head:
            dropout.p = 0.0  # the head's second one is fixed at 0.1
        for ids, labels in batches:
            nn.functional.cross_entropy(model(ids)[0], labels).backward()
    for (name, p), q in zip(ours.named_parameters(), fastais.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=1e-6), name


@pytest.mark.parametrize("width", [6, 12, 13, 24, 30])
def test_of_texts_longer_than_max_len_the_last_chunk_counts(width: int) -> None:
    narrow = replace(SMALL, max_len=5, drop_mult=0.0)
    ids = torch.randint(3, 50, (4, width))
    with torch.no_grad():
        found = build(narrow).eval()(ids)[0]
        if width == 13:  # where fastai's keeps a chunk, it is the same
            assert torch.allclose(found, build_fastais(narrow).eval()(ids)[0], atol=1e-6)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("max_len", [2, 12, 22])
def test_each_text_of_a_batch_keeps_its_last_token_whatever_max_len(batches: Batches, max_len: int) -> None:
    narrow = build(replace(SMALL, max_len=max_len, drop_mult=0.0)).eval()
    with torch.no_grad():
        assert all(torch.isfinite(narrow(ids)[0]).all() for ids, _ in batches)


@pytest.mark.parametrize("drop_mult", [0.0, 2.0])
def test_trains_at_the_ends_of_dropout(batches: Batches, drop_mult: float) -> None:
    model = build(replace(SMALL, drop_mult=drop_mult)).train()
    for _ in range(2):  # fastai's own fails at 0, in the second batch
        for ids, labels in batches:
            nn.functional.cross_entropy(model(ids)[0], labels).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_embedding_dropout_drops_words_per_chunk_and_keeps_the_mean() -> None:
    dropout = build(replace(SMALL, n_vocab=20_000)).train()[0].module.encoder_dp
    dropout.embed_p = 0.3
    words = torch.arange(2, 20_000).repeat(1, 2)  # every word once per chunk
    n_words = words.shape[1] // 2
    with torch.no_grad():
        scale = dropout(words, n_words)[0, :, 0] / dropout.emb.weight[words[0], 0]
    first, second = scale[:n_words], scale[n_words:]
    assert torch.allclose(scale[scale != 0], torch.tensor(1 / 0.7))
    assert scale.mean().item() == pytest.approx(1.0, abs=0.02)
    assert (first != second).float().mean().item() == pytest.approx(2 * 0.3 * 0.7, abs=0.02)  # independent
    with torch.no_grad():
        repeated = dropout(torch.full((4, 9), 7), 9)
    assert (repeated == repeated[0, 0]).all()  # within a chunk a word is dropped everywhere or nowhere


def test_the_padding_vector_is_not_trained(batches: Batches) -> None:
    model = build(SMALL).train()
    for ids, labels in batches:
        nn.functional.cross_entropy(model(ids)[0], labels).backward()
    assert (model[0].module.encoder.weight.grad[PAD] == 0).all()


@pytest.mark.parametrize(
    ("n_hid", "emb_sz", "expected"), [(128, None, 64), (1152, None, 400), (1, None, 1), (128, 7, 7)]
)
def test_embeddings_follow_the_hidden_size(tmp_path: Path, n_hid: int, emb_sz: int | None, expected: int) -> None:
    request = make_request(tmp_path, model={"n_hid": n_hid, "emb_sz": emb_sz})
    assert choose_architecture(request.model, request.train, n_vocab=9, n_classes=2).emb_sz == expected
