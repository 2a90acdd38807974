"""Tokens become numbers: the vocabulary of the train part, and the ids of every part.

Ids and vocabulary equal those of fastai's `Numericalize` and `make_vocab`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.config.schema import DataConfig
from hpo.data.overlaps import Overlaps, find_overlaps
from hpo.data.splits import Rows
from hpo.data.texts import PARTS, Texts
from hpo.data.tokenizer_pool import tokenize_texts
from hpo.data.tokens import Cut, Tokens, cut_tokens

SPECIAL = ("xxunk", "xxpad", "xxbos", "xxeos", "xxfld", "xxrep", "xxwrep", "xxup", "xxmaj")
FAKE = "xxfake"

Ids = NDArray[np.uint16] | NDArray[np.uint32]
Text = NDArray[np.uint16] | NDArray[np.uint32]  # the ids of one text


@dataclass(frozen=True)
class Part:
    """The texts of one part; text i is `ids[offsets[i]:offsets[i + 1]]`.

    Attributes:
        ids: Token ids of all texts in one row, uint16 or uint32; memory-mapped in an open corpus.
        offsets: int64, one more than there are texts, from 0.
        labels: Index into the corpus's classes of each text, int64.
    """

    ids: Ids
    offsets: NDArray[np.int64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Numbered:
    """Texts as numbers.

    Attributes:
        vocab: Token of each id.
        parts: The parts as ids, cut as the settings say.
        overlaps: Which texts of the parts are equal.
        whole: The parts before any cut of texts or words, as codes, 32 bits.
        words: Token of each code.
    """

    vocab: list[str]
    parts: dict[str, Part]
    overlaps: Overlaps
    whole: dict[str, Part]
    words: list[str]


def take_texts(part: Part, rows: NDArray[np.int64]) -> Part:
    """Returns some texts of a part, in the order of `rows`, at least one."""
    texts = cut_texts(part.ids, np.asarray(part.offsets))
    offsets = np.concatenate([[0], np.cumsum(np.diff(part.offsets)[rows])])
    return Part(np.concatenate([texts[row] for row in rows.tolist()]), offsets, np.asarray(part.labels)[rows])


def number_texts(
    texts: Texts, parts: Mapping[str, Rows], config: DataConfig, *, on_progress: Callable[[int, int], None]
) -> Numbered:
    """Returns the texts as numbers.

    Args:
        texts: All texts.
        parts: Rows of each part.
        config: Tokenizer, cut and vocabulary settings.
        on_progress: Called with (texts done, texts in all).

    Raises:
        ValueError: If a text is too long for the tokenizer.
    """
    rows = [row for name in PARTS for row in parts[name]]
    chosen, places = [texts.texts[row] for row in rows], [texts.places[row] for row in rows]
    uncut = Cut(None, config.keep)
    whole = tokenize_texts(chosen, config.tokenizer, uncut, places=places, on_progress=on_progress)
    tokens = cut_tokens(whole, Cut(config.max_tokens, config.keep))
    vocab = _train_vocab(tokens, len(parts["train"]), config)
    ids = to_ids(tokens.words, vocab)[tokens.codes]
    code = {name: i for i, name in enumerate(texts.classes)}
    labels = np.array([code[texts.labels[row]] for row in rows], dtype=np.int64)
    ends = np.cumsum([0, *(len(parts[name]) for name in PARTS)]).tolist()
    offsets = np.concatenate([[0], np.cumsum(tokens.lengths)])
    seen, of_all = cut_texts(tokens.codes, offsets), labels.tolist()
    limits = zip(PARTS, ends[:-1], ends[1:], strict=True)
    return Numbered(
        vocab=vocab,
        parts=_split(ids, tokens.lengths, labels, ends),
        overlaps=find_overlaps({name: (seen[a:b], of_all[a:b]) for name, a, b in limits}),
        whole=_split(whole.codes, whole.lengths, labels, ends),
        words=whole.words,
    )


def _split(ids: Ids, lengths: NDArray[np.int64], labels: NDArray[np.int64], ends: Sequence[int]) -> dict[str, Part]:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return {
        name: Part(
            ids=ids[offsets[first] : offsets[last]],
            offsets=offsets[first : last + 1] - offsets[first],
            labels=labels[first:last],
        )
        for name, first, last in zip(PARTS, ends[:-1], ends[1:], strict=True)
    }


def coverage(part: Part) -> float:
    """Returns the share of a part's words that are in the vocabulary; 1.0 where there is no word."""
    ids = np.asarray(part.ids, dtype=np.int64)
    n_known, n_unknown = int((ids >= len(SPECIAL)).sum()), int((ids == 0).sum())
    return n_known / (n_known + n_unknown) if n_unknown else 1.0


def as_seen(part: Part, row: int, vocab: Sequence[str]) -> str:
    """Returns a text as the network sees it: its tokens, words it does not know as xxunk."""
    return " ".join(vocab[int(token)] for token in part.ids[part.offsets[row] : part.offsets[row + 1]])


def build_vocab(words: Sequence[str], counts: NDArray[np.int64], *, min_freq: int, max_vocab: int) -> list[str]:
    """Returns the vocabulary fastai's `make_vocab` makes: special tokens, then words by frequency.

    Ties are in order of first appearance; "xxfake" fills up to a multiple of eight (and adds eight
    where nothing is missing, as fastai does).

    Args:
        words: Distinct tokens in order of first appearance.
        counts: How often each occurs.
        min_freq: Words occurring less often are left out.
        max_vocab: Length before filling up.
    """
    by_frequency = np.argsort(-counts, kind="stable")[:max_vocab]
    frequent = [words[i] for i in by_frequency if counts[i] >= min_freq]
    special = set(SPECIAL)
    vocab = [*SPECIAL, *(word for word in frequent if word not in special)][:max_vocab]
    return vocab + [FAKE] * (8 - len(vocab) % 8)


def cut_texts(ids: Ids, offsets: NDArray[np.int64]) -> list[Text]:
    """Returns views of the texts in a flat row; text i is `ids[offsets[i]:offsets[i + 1]]`."""
    flat: Ids = ids.view(np.ndarray)  # plain views: indexing a memmap costs microseconds more per slice
    return [flat[first:last] for first, last in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]


def to_ids(words: Sequence[str], vocab: Sequence[str]) -> Ids:
    """Returns the id of each word, words outside the vocabulary having xxunk's, 0; 16 bits where they suffice."""
    index = {word: i for i, word in enumerate(vocab) if word != FAKE}
    ids = [index.get(word, 0) for word in words]
    return np.array(ids, dtype=np.uint16) if len(vocab) <= 2**16 else np.array(ids, dtype=np.uint32)


def _train_vocab(tokens: Tokens, n_train: int, config: DataConfig) -> list[str]:
    n_tokens = int(tokens.lengths[:n_train].sum())
    counts = np.bincount(tokens.codes[:n_tokens], minlength=len(tokens.words))
    return build_vocab(tokens.words, counts, min_freq=config.min_freq, max_vocab=config.max_vocab)
