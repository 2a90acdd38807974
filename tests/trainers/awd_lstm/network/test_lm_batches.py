from __future__ import annotations

import numpy as np

from hpo.data.vocabulary import cut_texts
from hpo.trainers.awd_lstm.network.lm_batches import Windows

TEXTS = cut_texts(np.arange(100, dtype=np.uint16), np.array([0, 13, 40, 41, 70, 100], dtype=np.int64))


def test_every_row_goes_through_its_share_of_the_stream() -> None:
    windows = Windows(TEXTS, batch_size=4, bptt=7)
    batches = list(windows)
    assert len(batches) == len(windows) == 4
    inputs = np.concatenate([ids.numpy() for ids, _ in batches], axis=1)
    targets = np.concatenate([ids.numpy() for _, ids in batches], axis=1)
    assert inputs.tolist() == np.arange(96).reshape(4, 24).tolist()
    assert (targets == inputs + 1).all()


def test_they_are_those_of_fastai() -> None:
    """fastai.text.data.LMDataLoader, not shuffled, cuts the same windows from the same texts."""
    import torch

    from hpo.machine.fastai_import import fastai_import

    with fastai_import():
        from fastai.text.data import LMDataLoader

    theirs = LMDataLoader([torch.tensor(text.astype(np.int64)) for text in TEXTS], bs=4, seq_len=7, num_workers=0)
    for (inputs, targets), (ids, next_ids) in zip(theirs, Windows(TEXTS, batch_size=4, bptt=7), strict=True):
        assert ids.tolist() == inputs.tolist()
        assert next_ids.tolist() == targets.tolist()


def test_texts_come_in_a_new_order_each_time_and_whole() -> None:
    windows = Windows(TEXTS, batch_size=1, bptt=200, generator=np.random.default_rng(1))
    first, second = (next(iter(windows))[0].flatten().tolist() for _ in range(2))
    assert first != second
    joined = ",".join(map(str, second)) + ","
    assert sum(",".join(map(str, text.tolist())) + "," in joined for text in TEXTS) >= len(TEXTS) - 1  # a token is left


def test_skipped_windows_are_left_out_once() -> None:
    windows = Windows(TEXTS, batch_size=4, bptt=7)
    whole = [ids.tolist() for ids, _ in windows]
    windows.n_skipped = 3
    assert [ids.tolist() for ids, _ in windows] == whole[3:]
    assert [ids.tolist() for ids, _ in windows] == whole


def test_few_tokens_make_fewer_rows() -> None:
    windows = Windows(TEXTS[2:3] + TEXTS[:1], batch_size=64, bptt=72)
    assert [ids.shape for ids, _ in windows] == [(6, 2)]
