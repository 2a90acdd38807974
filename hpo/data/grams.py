"""N-grams of words, and of the characters within words, as sparse tf-idf: the features of linear models.

The bags of the baseline, words and word pairs, are `bags`'s; what is fitted to either is known to those who ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.bags import MAX_TOKENS, Ints, count, distinct, rows_of, words_of
from hpo.data.tokens import BOS
from hpo.data.vocabulary import SPECIAL, Part

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import CountVectorizer

MAX_ENTRIES = 100_000_000  # of the bags of a part: 1.2 GB, and the solver's copy is as large again
SHORTEST_CHARS = 2
NOT_A_WORD, UNKNOWN = -2, -1
MARKS = {*SPECIAL} - {BOS}  # left out; which words a text begins with is worth knowing


@dataclass(frozen=True)
class Grams:
    """Which n-grams count, and how much.

    Attributes:
        words: The words that have a column, the first columns.
        runs: For each length from 2 on the runs of words that have one, sorted: the place of the run without its last
            word among those of its length, times the number of words, plus the last word.
        chars: The n-grams of characters that have one, the last columns.
        longest: Characters of the longest of these; 0 for none.
        idf: The weight of each column.
    """

    words: Sequence[str]
    runs: tuple[Ints, ...]
    chars: Sequence[str]
    longest: int
    idf: NDArray[np.float64]

    @property
    def n_columns(self) -> int:
        return len(self.idf)

    def of(self, part: Part, names: Sequence[str]) -> csr_array[Any]:
        """Returns the bags of texts, shape (texts, columns), each of unit length; one without a known n-gram is empty.

        Args:
            part: The texts, as codes.
            names: The token of each code.

        Raises:
            MemoryError: If they would be too large.
        """
        from scipy.sparse import csr_array, hstack

        word = _places(names, {name: place for place, name in enumerate(self.words)})
        n_of_words = len(self.words) + sum(map(len, self.runs))
        places = [(rows, at) for _, rows, at in _runs(part, word, len(self.words), self.runs)]
        starts = np.cumsum([0, len(self.words), *map(len, self.runs)])
        columns = [at[at >= 0] + start for start, (_, at) in zip(starts, places, strict=False)]
        texts = [rows[at >= 0] for rows, at in places]
        counts = count(np.concatenate(texts), np.concatenate(columns), (len(part), n_of_words))
        blocks = [_weighted(counts, self.idf[:n_of_words])]
        if self.longest:
            spelt = _spelt(part, names, self._splitter.transform(_spellable(names)))
            blocks.append(_weighted(spelt, self.idf[n_of_words:]))
        bags = csr_array(hstack(blocks, format="csr"))
        bags.data *= 1 / np.sqrt(len(blocks))
        return bags

    @cached_property
    def _splitter(self) -> CountVectorizer:
        return _splitter(self.longest, vocabulary=list(self.chars))


def find_grams(part: Part, names: Sequence[str], *, words: int, chars: int, min_df: int) -> Grams:
    """Returns the n-grams that count in texts.

    Args:
        part: The texts, as codes.
        names: The token of each code; special ones are no words, but that which begins a text.
        words: Words of the longest run.
        chars: Characters of the longest n-gram within a word and the blanks around it; 0 for none.
        min_df: In how many of the texts an n-gram must be.

    Raises:
        MemoryError: If the texts are too many.
        ValueError: If no word is in as many texts.
    """
    if len(part.ids) > MAX_TOKENS * max(1, 3 - words):
        raise MemoryError(f"runs of {words} words of {len(part.ids):,} tokens are too many; set params.words=1")
    is_word = np.array([name not in MARKS for name in names])
    ids, rows = words_of(part, np.where(is_word, 0, NOT_A_WORD))
    n_texts = np.bincount(distinct(ids, rows), minlength=len(names))
    kept = np.flatnonzero(n_texts >= min_df)
    if not len(kept):
        raise ValueError(f"No word is in params.min_df={min_df} of the {len(part):,} texts; lower it.")
    word = np.where(is_word, UNKNOWN, NOT_A_WORD)
    word[kept] = np.arange(len(kept))
    found: list[Ints] = []
    frequencies = [n_texts[kept]]
    for _ in range(2, words + 1):
        *_, (keys, key_rows, _) = _runs(part, word, len(kept), [*found, np.empty(0, dtype=np.int64)])
        run, n_run_texts = np.unique(distinct(keys[keys >= 0], key_rows[keys >= 0]), return_counts=True)
        found.append(run[n_run_texts >= min_df])
        frequencies.append(n_run_texts[n_run_texts >= min_df])
    spelling: list[str] = []
    if chars:
        spelling, n_spelt_texts = _find_chars(part, names, np.flatnonzero(n_texts), longest=chars, min_df=min_df)
        frequencies.append(n_spelt_texts)
    idf = np.log((1 + len(part)) / (1 + np.concatenate(frequencies))) + 1
    return Grams([names[code] for code in kept.tolist()], tuple(found), spelling, chars, idf)


def _places(names: Sequence[str], index: dict[str, int]) -> Ints:
    """Returns the column of each code's word, or that it is unknown, or none."""
    return np.array([NOT_A_WORD if name in MARKS else index.get(name, UNKNOWN) for name in names], dtype=np.int64)


def _runs(part: Part, word: Ints, n_words: int, runs: Sequence[Ints]) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yields, for runs of one word, of two and so on, the key, the text and the place of that which ends at each word.

    A key is -1 where it holds an unknown word or the text has no word before; a place where the run is unknown.
    """
    ids, rows = words_of(part, word)
    last = places = word[ids]
    yield last, rows, places
    for known in runs:
        before = np.concatenate([[UNKNOWN], places[:-1]])[: len(last)]
        before[1:][rows[1:] != rows[:-1]] = UNKNOWN
        keys = np.where((before >= 0) & (last >= 0), before * n_words + last, UNKNOWN)
        at = np.minimum(np.searchsorted(known, keys), max(0, len(known) - 1))
        places = np.where((keys >= 0) & (known[at] == keys), at, UNKNOWN) if len(known) else np.full_like(keys, UNKNOWN)
        yield keys, rows, places


def _find_chars(
    part: Part, names: Sequence[str], codes: Ints, *, longest: int, min_df: int
) -> tuple[list[str], NDArray[np.int64]]:
    """Returns the n-grams of characters of the words with these codes, and in how many texts each is."""
    from scipy.sparse import csr_array

    splitter = _splitter(longest)
    words = _spellable([names[code] for code in codes.tolist()])
    try:
        spelling = csr_array(splitter.fit_transform(words))
    except ValueError:  # no character but blanks
        return [], np.empty(0, dtype=np.int64)
    place = np.full(len(names), NOT_A_WORD)
    place[codes] = np.arange(len(codes))
    ids, rows = words_of(part, place)
    n_texts = np.bincount(_spell(rows, place[ids], spelling, len(part)).indices, minlength=spelling.shape[1])
    kept = np.flatnonzero(n_texts >= min_df)
    known = splitter.get_feature_names_out()
    return known[kept].tolist(), n_texts[kept]


def _splitter(longest: int, vocabulary: Sequence[str] | None = None) -> CountVectorizer:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        analyzer="char_wb", ngram_range=(SHORTEST_CHARS, longest), lowercase=False, vocabulary=vocabulary or None
    )


def _spellable(names: Sequence[str]) -> list[str]:
    return ["" if name in SPECIAL else name for name in names]


def _spelt(part: Part, names: Sequence[str], spelling: Any) -> csr_array[Any]:
    """Returns how often each n-gram of characters is in each text."""
    from scipy.sparse import csr_array

    ids, rows = words_of(part, np.zeros(len(names), dtype=np.int64))
    return _spell(rows, ids, csr_array(spelling), len(part))


def _spell(rows: Ints, words: Ints, spelling: csr_array[Any], n_texts: int) -> csr_array[Any]:
    """Returns the counts of n-grams of texts from those of words.

    Raises:
        MemoryError: If they would be too many.
    """
    words_of_texts = count(rows, words, (n_texts, spelling.shape[0]))
    n_entries = int(np.diff(spelling.indptr)[words_of_texts.indices].sum())
    if n_entries > 3 * MAX_ENTRIES:  # several words of a text share theirs
        raise MemoryError(f"{n_entries:,} n-grams of characters are too many; set params.chars=0")
    found = words_of_texts @ spelling
    found.sort_indices()
    return found


def _weighted(counts: csr_array[Any], idf: NDArray[np.float64]) -> csr_array[Any]:
    """Returns tf-idf of counts, tf being 1 + their logarithm, each row of unit length."""
    if counts.nnz > MAX_ENTRIES:
        raise MemoryError(f"{counts.nnz:,} entries are too many; raise params.min_df, lower params.words")
    weighted = counts.astype(np.float64)
    weighted.data = (1 + np.log(weighted.data)) * idf[weighted.indices]
    lengths = np.sqrt(np.bincount(rows_of(weighted), weighted.data**2, minlength=counts.shape[0]))
    weighted.data /= np.repeat(lengths, np.diff(weighted.indptr))
    return weighted
