"""Vocabulary and ids as fastai's `make_vocab` and `Numericalize` make them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hpo.data.splits import split_texts
from hpo.data.texts import Texts
from hpo.data.tokens import split_words
from hpo.data.vocabulary import FAKE, SPECIAL, build_vocab, number_texts
from hpo.machine.fastai_import import fastai_import
from tests.support.data_sources import table

WORDS = ["the", "cat", "sat", "on", "the", "mat", "and", "the", "dog", "xxunk", "sat", "on", "the", "cat", "who", "sat"]


@pytest.mark.parametrize("min_freq", [1, 2, 3])
@pytest.mark.parametrize("max_vocab", [10, 12, 16, 60])
def test_vocab_equals_fastai(min_freq: int, max_vocab: int) -> None:
    with fastai_import():
        from fastai.text.data import make_vocab
    count = Counter(WORDS)
    ours = build_vocab(list(count), np.array(list(count.values())), min_freq=min_freq, max_vocab=max_vocab)
    assert ours == list(make_vocab(count, min_freq=min_freq, max_vocab=max_vocab))
    assert ours[: len(SPECIAL)] == list(SPECIAL)
    assert ours.index("xxpad") == 1
    assert len(ours) % 8 == 0


def test_ids_equal_fastai_and_only_train_makes_the_vocabulary() -> None:
    with fastai_import():
        from fastai.text.data import Numericalize
    texts = Texts(
        texts=[f"common words number {i} {'rare' * (i % 3)}" for i in range(40)],
        labels=["b", "a"] * 20,
        places=[""] * 40,
    )
    config = table("x.csv", min_freq=2)
    parts = split_texts(texts, config)
    found = number_texts(texts, parts, config, on_progress=lambda *_: None)
    vocab, numbered = found.vocab, found.parts
    tokens = {name: list(split_words([texts.texts[row] for row in rows])) for name, rows in parts.items()}
    numericalize = Numericalize(min_freq=2)
    numericalize.setup(tokens["train"])
    assert vocab == list(numericalize.vocab)
    for name, part in numbered.items():
        expected = [numericalize(row).tolist() for row in tokens[name]]
        assert [part.ids[a:b].tolist() for a, b in zip(part.offsets, part.offsets[1:], strict=False)] == expected
        assert part.labels.tolist() == [["a", "b"].index(texts.labels[row]) for row in parts[name]]
        assert part.ids.dtype == np.uint16
    assert FAKE in vocab


def test_large_vocabularies_take_32_bits() -> None:
    texts = Texts(
        texts=[" ".join(f"w{i * 1000 + j}" for j in range(1000)) for i in range(120)],
        labels=["a", "b"] * 60,
        places=[""] * 120,
    )
    config = table("x.csv", max_vocab=80_000)
    found = number_texts(texts, split_texts(texts, config), config, on_progress=lambda *_: None)
    vocab, numbered = found.vocab, found.parts
    assert len(vocab) > 2**16
    assert numbered["train"].ids.dtype == np.uint32
    assert vocab[numbered["train"].ids.max()] != FAKE
