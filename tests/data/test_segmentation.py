"""Words of scripts without blanks, and which tokenizer texts are given."""

from __future__ import annotations

import pytest

from hpo.config.schema import Tokenizer
from hpo.data.segmentation import choose_tokenizer, split_segments
from hpo.data.tokens import build_tokenizer, tokenizer_versions

CHINESE, JAPANESE, THAI = "这部电影很好看。", "この映画はとても面白い。", "ภาพยนตร์เรื่องนี้ดีมาก"
ENGLISH, GERMAN, ARABIC = "A film that moved me.", "Ein Film, der mich bewegt.", "فيلم جميل جدا"
KOREAN = "정말 좋은 영화 였다"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CHINESE, ["这", "部", "电影", "很好", "看", "。"]),
        (JAPANESE, ["この", "映画", "は", "とても", "面白い", "。"]),
        (THAI, ["ภาพยนตร์", "เรื่อง", "นี้", "ดี", "มาก"]),
        (ARABIC, ["فيلم", "جميل", "جدا"]),
        ("ＡＢＣ\u3000Don't, 3.5 ｶﾞ", ["abc", "don't", ",", "3.5", "ガ"]),
        ("cafe\u0301 \ud800 x", ["café", "\ufffd", "x"]),
        (" \n", []),
    ],
)
def test_words_of_any_script(text: str, words: list[str]) -> None:
    assert list(split_segments([text])) == [words]
    assert list(build_tokenizer(Tokenizer.unicode)([text])) == [["xxbos", *words]]


@pytest.mark.parametrize("text", [CHINESE, JAPANESE, THAI, f"{CHINESE} iPhone 15"])
def test_texts_without_blanks_are_cut_by_unicode(text: str) -> None:
    assert choose_tokenizer(Tokenizer.auto, [text] * 9 + [ENGLISH]) is Tokenizer.unicode
    assert choose_tokenizer(Tokenizer.auto, [text] + [ENGLISH] * 4) is Tokenizer.unicode
    assert choose_tokenizer(Tokenizer.spacy, [text]) is Tokenizer.spacy


@pytest.mark.parametrize("text", [ENGLISH, GERMAN, ARABIC, KOREAN, "", "1 + 1", f"{ENGLISH} {CHINESE[:3]}"])
def test_other_texts_are_cut_as_ever(text: str) -> None:
    assert choose_tokenizer(Tokenizer.auto, [text] * 9 + [CHINESE]) is Tokenizer.spacy


def test_versions_are_those_that_words_depend_on() -> None:
    assert list(tokenizer_versions(Tokenizer.unicode)) == ["icu4py"]
    assert list(tokenizer_versions(Tokenizer.auto)) == ["fastai", "spacy", "icu4py"]
    with pytest.raises(ValueError, match=r"^data\.tokenizer=auto is settled by the texts"):
        build_tokenizer(Tokenizer.auto)
