"""Texts become bags of their words and word pairs: sparse tf-idf, each text of unit length.

What is fitted to them is `baseline`'s concern.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.vocabulary import Part

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MAX_TOKENS = 20_000_000  # of the train part whose pairs are counted: a gigabyte; longer ones are counted by words alone

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Bags:
    """Which words and pairs count, and how much.

    Attributes:
        word: Column of each word, -1 for none, shape (words,).
        pairs: The pairs that have a column, sorted, as first * words + second.
        idf: The weight of each column, words first.
    """

    word: Ints
    pairs: Ints
    idf: NDArray[np.float64]

    def of(self, part: Part) -> csr_array[Any]:
        """Returns the bags of a part's texts, shape (texts, columns), with indices of 32 bits."""
        columns, rows = self._columns(part)
        counts = count(rows, columns, (len(part), len(self.idf)))
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        lengths = np.sqrt(np.bincount(rows_of(counts), counts.data**2, minlength=len(part)))
        counts.data /= np.repeat(lengths, np.diff(counts.indptr))
        return counts

    def _columns(self, part: Part) -> tuple[Ints, Ints]:
        """Returns the column and the text of all that counts in a part."""
        ids, rows = words_of(part, self.word)
        pairs, pair_rows = _pairs(ids, rows, len(self.word))
        at = np.searchsorted(self.pairs, pairs)
        known = np.flatnonzero(at < len(self.pairs))
        known = known[self.pairs[at[known]] == pairs[known]]
        n_words = len(self.idf) - len(self.pairs)
        is_word = self.word[ids] >= 0
        columns = np.concatenate([self.word[ids[is_word]], n_words + at[known]])
        return columns, np.concatenate([rows[is_word], pair_rows[known]])


def find_bags(train: Part, is_word: NDArray[np.bool_]) -> Bags:
    """Returns what counts in the texts of `train`: words, and pairs of neighbours.

    Args:
        train: The texts, as codes.
        is_word: Whether a code is that of a word, not of a special token, shape (codes,).
    """
    seen = np.zeros(len(is_word), dtype=bool)
    seen[np.asarray(train.ids)] = True
    word = np.where(is_word & seen, np.cumsum(is_word & seen) - 1, np.where(is_word, -1, -2))
    ids, rows = words_of(train, word)
    n_words = int((word >= 0).sum())
    if len(ids) <= MAX_TOKENS:
        pairs, pair_rows = _pairs(ids, rows, len(word))
        pairs, n_pair_texts = np.unique(distinct(pairs, pair_rows), return_counts=True)
    else:
        pairs = n_pair_texts = np.empty(0, dtype=np.int64)
    n_word_texts = np.bincount(distinct(word[ids], rows), minlength=n_words)
    n_texts = np.concatenate([n_word_texts, n_pair_texts])
    return Bags(word, pairs, np.log((1 + len(train)) / (1 + n_texts)) + 1)


def words_of(part: Part, word: Ints) -> tuple[Ints, Ints]:
    """Returns the codes of the words of a part, special tokens left out, and the text of each."""
    ids = np.asarray(part.ids, dtype=np.int64)
    rows = np.repeat(np.arange(len(part)), np.diff(part.offsets))
    is_word = word[ids] > -2
    return ids[is_word], rows[is_word]


def _pairs(ids: Ints, rows: Ints, n_words: int) -> tuple[Ints, Ints]:
    """Returns the pairs of neighbours in the same text, and the text of each."""
    is_pair = rows[1:] == rows[:-1]
    return ids[:-1][is_pair] * n_words + ids[1:][is_pair], rows[:-1][is_pair]


def distinct(keys: Ints, rows: Ints) -> Ints:
    """Returns each key once for every text that it is in."""
    order = np.lexsort((rows, keys))
    keys, rows = keys[order], rows[order]
    is_first = np.ones(len(keys), dtype=bool)
    is_first[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
    return keys[is_first]


def count(rows: Ints, columns: Ints, shape: tuple[int, int]) -> csr_array[Any]:
    from scipy.sparse import coo_array, csr_array

    at = (rows.astype(np.int32), columns.astype(np.int32))
    counts = csr_array(coo_array((np.ones(len(rows)), at), shape=shape))
    counts.sum_duplicates()
    return counts


def rows_of(bags: csr_array[Any]) -> Ints:
    return np.repeat(np.arange(bags.shape[0]), np.diff(bags.indptr))
