from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hpo.data.corpus import Part, open_corpus
from hpo.trainers.awd_lstm.network.batches import PAD, Batches
from hpo.trainers.awd_lstm.network.fastai import Learner  # noqa: F401  # fastai's import warnings are silenced there
from tests.support.trial_requests import write_corpus


def make_part(*lengths: int) -> Part:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = np.arange(2, 2 + offsets[-1]).astype(np.uint16)
    return Part(ids=ids, offsets=offsets, labels=np.arange(len(lengths)) % 3)


def fastai_batches(part: Part, *, batch_size: int, bptt: int, shuffle: bool) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """What fastai's own text loader yields for the same texts."""
    from fastai.text.data import Pad_Chunk, SortedDL, TensorText
    from fastai.torch_core import TensorCategory

    bounds = zip(part.offsets, part.offsets[1:], strict=False)
    texts = [TensorText(part.ids[first:last].astype(np.int64)) for first, last in bounds]
    items = [(text, TensorCategory(torch.tensor(label))) for text, label in zip(texts, part.labels, strict=True)]
    padded = Pad_Chunk(pad_idx=PAD, seq_len=bptt)
    loader = SortedDL(items, bs=batch_size, shuffle=shuffle, num_workers=0, before_batch=padded)
    return [(ids.as_subclass(torch.Tensor), labels.as_subclass(torch.Tensor)) for ids, labels in loader]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(
    ("n_texts", "batch_size", "bptt"), [(37, 8, 12), (5, 8, 12), (16, 8, 7), (430, 4, 5), (9, 4, 72)]
)
def test_equals_fastai_in_order_and_padding(shuffle: bool, n_texts: int, batch_size: int, bptt: int) -> None:
    if shuffle and n_texts % batch_size == 1:
        n_texts += 1  # fastai would train on a batch of one text
    part = make_part(*np.random.default_rng(0).integers(1, 50, n_texts))
    np.random.seed(3)
    expected = fastai_batches(part, batch_size=batch_size, bptt=bptt, shuffle=shuffle)
    generator = np.random.RandomState(3) if shuffle else None
    batches = Batches(part, batch_size=batch_size, bptt=bptt, generator=generator)
    assert len(batches) == len(expected)
    for (ids, labels), (expected_ids, expected_labels) in zip(batches, expected, strict=True):
        assert torch.equal(ids, expected_ids)
        assert torch.equal(labels, expected_labels)


def test_pads_whole_chunks_in_front_and_the_rest_behind() -> None:
    batches = Batches(make_part(3, 10), batch_size=2, bptt=4)
    ((ids, labels),) = batches
    assert ids.tolist() == [list(range(5, 15)), [PAD] * 4 + [2, 3, 4] + [PAD] * 3]
    assert labels.tolist() == [1, 0]
    assert (ids.dtype, labels.dtype) == (torch.int64, torch.int64)


def test_every_epoch_has_every_text_once_in_another_order() -> None:
    batches = Batches(make_part(*range(1, 41)), batch_size=8, bptt=4, generator=np.random.default_rng(0))
    first, second = batches.order(), batches.order()
    assert sorted(first) == sorted(second) == list(range(40))
    assert first.tolist() != second.tolist()
    assert first[0] == second[0] == 39  # the longest comes first: it finds out whether memory suffices


def test_a_lonely_last_text_is_not_trained_on_but_validated() -> None:
    part = make_part(*range(1, 10))
    train = Batches(part, batch_size=4, bptt=4, generator=np.random.default_rng(0))
    valid = Batches(part, batch_size=4, bptt=4)
    assert [len(labels) for _, labels in train] == [4, 4]
    assert [len(labels) for _, labels in valid] == [4, 4, 1]
    assert (len(train), len(valid)) == (2, 3)
    assert (train.n_rows, train.n_tokens) == (9, 45)


def test_reads_a_memory_mapped_corpus(tmp_path: Path) -> None:
    part = open_corpus(write_corpus(tmp_path / "corpus")).train
    n_tokens = sum(int((ids != PAD).sum()) for ids, _ in Batches(part, batch_size=16, bptt=12))
    assert n_tokens == len(part.ids)
