"""N-grams against a count by hand, and against scikit-learn's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from hpo.data.grams import find_grams
from hpo.data.vocabulary import Part

TEXTS = ["the cat sat on the mat", "the dog sat", "a cat and a dog sat on the cat", "mat"]


def as_part(texts: Sequence[str]) -> tuple[Part, list[str]]:
    words = ["xxbos", "xxmaj"]
    rows = []
    for text in texts:
        row = [0, 1]
        for word in text.split():
            if word not in words:
                words.append(word)
            row.append(words.index(word))
        rows.append(row)
    offsets = np.cumsum([0, *map(len, rows)])
    return Part(np.concatenate(rows).astype(np.uint32), offsets, np.zeros(len(rows), dtype=np.int64)), words


@pytest.mark.parametrize("min_df", [1, 2])
def test_runs_of_words_are_those_of_scikit_learn(min_df: int) -> None:
    part, words = as_part(TEXTS)
    grams = find_grams(part, words, words=3, chars=0, min_df=min_df)
    splitter = CountVectorizer(ngram_range=(1, 3), min_df=min_df, token_pattern=r"\S+")
    expected = splitter.fit_transform([f"xxbos {text}" for text in TEXTS])
    found = grams.of(part, words)
    assert found.shape == expected.shape
    assert np.diff(found.indptr).tolist() == np.diff(expected.indptr).tolist()
    np.testing.assert_allclose(np.sqrt((found.toarray() ** 2).sum(1)), 1.0)
    weights = np.log((1 + len(TEXTS)) / (1 + (expected.toarray() > 0).sum(0))) + 1
    by_hand = np.where(expected.toarray() > 0, (1 + np.log(np.maximum(expected.toarray(), 1))) * weights, 0)
    by_hand /= np.sqrt((by_hand**2).sum(1, keepdims=True))
    np.testing.assert_allclose(np.sort(found.toarray(), axis=1), np.sort(by_hand, axis=1))


def test_characters_are_those_within_words() -> None:
    part, words = as_part(TEXTS)
    grams = find_grams(part, words, words=1, chars=4, min_df=1)
    splitter = CountVectorizer(analyzer="char_wb", ngram_range=(2, 4))
    expected = splitter.fit_transform(TEXTS)
    assert sorted(grams.chars) == sorted(splitter.get_feature_names_out())
    n_words = len(grams.words)
    assert np.diff(grams.of(part, words)[:, n_words:].indptr).tolist() == np.diff(expected.indptr).tolist()


def test_unknown_words_are_spelt_and_break_runs() -> None:
    part, words = as_part(TEXTS)
    grams = find_grams(part, words, words=2, chars=3, min_df=1)
    new, new_words = as_part(["the catty sat", "zzz"])
    bags = grams.of(new, new_words)
    n_words = len(grams.words)
    row = bags.toarray()[0]
    assert {grams.words[i] for i in np.flatnonzero(row[:n_words])} == {"xxbos", "the", "sat"}
    assert np.count_nonzero(row[n_words : n_words + len(grams.runs[0])]) == 1  # xxbos the
    assert "cat" in {grams.chars[i] for i in np.flatnonzero(row[-len(grams.chars) :])}
    assert np.diff(bags.indptr)[1] == 1  # its beginning alone


def test_nothing_in_enough_texts_is_refused() -> None:
    part, words = as_part(["a", "b"])
    with pytest.raises(ValueError, match=r"No word is in params.min_df=3 of the 2 texts"):
        find_grams(part, words, words=1, chars=0, min_df=3)
