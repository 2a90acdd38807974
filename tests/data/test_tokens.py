"""Tokens as fastai makes them, and which of a long text are kept."""

from __future__ import annotations

import pytest

from hpo.config.schema import Keep, Tokenizer
from hpo.data.tokens import Cut, build_tokenizer, cut_tokens, encode, join_tokens, split_words
from hpo.machine.fastai_import import fastai_import

TEXTS = [
    "I don't LIKE it!!!! It was so so so so bad...<br /><br />REALLY. See www.imdb.com/title",
    "The U.S. Government's report, e.g. #5 & \\n 10% of “it”",
    "xxunk Nested (parentheses [and] brackets) -- café naïve 日本語 " + "ha" * 20,
    "",
]


@pytest.mark.parametrize("keep", list(Keep))
@pytest.mark.parametrize("max_tokens", [None, 1, 2, 5, 100])
def test_what_is_cut_later_is_what_would_have_been_cut_at_once(keep: Keep, max_tokens: int | None) -> None:
    texts, cut = ["b a c a d e f", "x", "z f y b b a q r s"], Cut(max_tokens, keep)
    whole = encode(texts, split_words, Cut(None, keep))
    later, at_once = cut_tokens(whole, cut), encode(texts, split_words, cut)
    assert later.words == at_once.words
    assert later.codes.tolist() == at_once.codes.tolist()
    assert later.lengths.tolist() == at_once.lengths.tolist()


def test_spacy_tokens_equal_fastai() -> None:
    with fastai_import():
        from fastai.text.core import tokenize_texts
    ours = [list(map(str, tokens)) for tokens in build_tokenizer(Tokenizer.spacy)(TEXTS)]
    assert ours == [list(tokens) for tokens in tokenize_texts(TEXTS, n_workers=0)]
    assert ours[0][:8] == ["xxbos", "i", "do", "n't", "xxup", "like", "it", "xxrep"]


def test_words() -> None:
    assert list(split_words(["Don't STOP, it’s 10%!", ""])) == [
        ["xxbos", "don't", "stop", ",", "it’s", "10", "%", "!"],
        ["xxbos"],
    ]


@pytest.mark.parametrize(
    ("keep", "max_tokens", "kept"),
    [
        (Keep.head, 4, "0123"),
        (Keep.tail, 4, "0789"),
        (Keep.both, 4, "0189"),
        (Keep.both, 5, "01289"),
        (Keep.both, 2, "09"),
        (Keep.tail, 10, "0123456789"),
        (Keep.both, None, "0123456789"),
    ],
)
def test_cut(keep: Keep, max_tokens: int | None, kept: str) -> None:
    assert "".join(Cut(max_tokens, keep)(list("0123456789"))) == kept


def test_joined_chunks_equal_one_chunk() -> None:
    texts = ["a b a", "c b", "", "d a"]
    cut = Cut(3, Keep.head)
    whole = encode(texts, split_words, cut)
    joined = join_tokens([encode(texts[:1], split_words, cut), encode(texts[1:], split_words, cut)])
    assert joined.words == whole.words == ["xxbos", "a", "b", "c", "d"]
    assert joined.codes.tolist() == whole.codes.tolist()
    assert joined.lengths.tolist() == whole.lengths.tolist() == [3, 3, 1, 3]
