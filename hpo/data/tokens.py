"""Texts become tokens by fastai's rules or simpler ones.

Processes are `tokenizer_pool`'s concern, numbers `vocabulary`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hpo.config.schema import Keep, Tokenizer
from hpo.data.segmentation import split_segments
from hpo.machine.fastai_import import fastai_import

BOS = "xxbos"
PACKAGES: dict[Tokenizer, tuple[str, ...]] = {
    Tokenizer.spacy: ("fastai", "spacy"),
    Tokenizer.unicode: ("icu4py",),
    Tokenizer.words: (),
    Tokenizer.auto: ("fastai", "spacy", "icu4py"),
}
SPACY_MAX_CHARS = 1_000_000  # its nlp.max_length, of what fastai's rules have made of a text

Token = TypeVar("Token")  # itself, or where it is

Tokenize = Callable[[Sequence[str]], Iterable[Sequence[str]]]


@dataclass(frozen=True)
class Cut:
    """How many tokens of a text are kept, and which; `max_tokens` of None keeps all."""

    max_tokens: int | None
    keep: Keep

    def __call__(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Returns at most `max_tokens` tokens, the first of them (xxbos) always among them."""
        limit = self.max_tokens
        if limit is None or len(tokens) <= limit:
            return tokens
        match self.keep:
            case Keep.head:
                return tokens[:limit]
            case Keep.tail:
                return [tokens[0], *tokens[len(tokens) - limit + 1 :]]
            case Keep.both:
                n_first = (limit + 1) // 2
                return [*tokens[:n_first], *tokens[len(tokens) - limit + n_first :]]


@dataclass(frozen=True)
class Tokens:
    """The tokens of many texts.

    Attributes:
        words: Distinct tokens in order of first appearance.
        codes: Index into `words` of every token, all texts in one row.
        lengths: Number of tokens of each text.
    """

    words: list[str]
    codes: NDArray[np.uint32]
    lengths: NDArray[np.int64]


def build_tokenizer(tokenizer: Tokenizer) -> Tokenize:
    """Returns the function from texts to lists of tokens; `auto` has to be settled by `segmentation` first."""
    match tokenizer:
        case Tokenizer.spacy:
            with fastai_import():
                from fastai.text.core import SpacyTokenizer, TokenizeWithRules

                tokenize: Tokenize = TokenizeWithRules(tok=SpacyTokenizer())
            return tokenize
        case Tokenizer.words:
            return split_words
        case Tokenizer.unicode:
            return lambda texts: ([BOS, *words] for words in split_segments(texts))
        case Tokenizer.auto:
            raise ValueError("data.tokenizer=auto is settled by the texts; give spacy, unicode or words.")


def tokenizer_versions(tokenizer: Tokenizer) -> dict[str, str]:
    """Returns the versions a tokenizer's output depends on."""
    return {package: metadata.version(package) for package in PACKAGES[tokenizer]}


def split_words(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yields xxbos, then lower-cased words and punctuation marks, of each text."""
    for text in texts:
        yield [BOS, *re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", text.lower())]


def encode(texts: Sequence[str], tokenize: Tokenize, cut: Callable[[Sequence[str]], Sequence[str]]) -> Tokens:
    """Returns the cut tokens of `texts`."""
    codes: dict[str, int] = {}
    rows = [[codes.setdefault(str(token), len(codes)) for token in cut(tokens)] for tokens in tokenize(texts)]
    flat = np.fromiter((code for row in rows for code in row), dtype=np.uint32)
    return Tokens(list(codes), flat, np.array([len(row) for row in rows], dtype=np.int64))


def join_tokens(chunks: Iterable[Tokens]) -> Tokens:
    """Returns one `Tokens` of consecutive chunks."""
    codes: dict[str, int] = {}
    flats, lengths = [], []
    for chunk in chunks:
        to_joint = np.array([codes.setdefault(word, len(codes)) for word in chunk.words], dtype=np.uint32)
        flats.append(to_joint[chunk.codes])
        lengths.append(chunk.lengths)
    return Tokens(list(codes), np.concatenate(flats), np.concatenate(lengths))


def cut_tokens(tokens: Tokens, cut: Cut) -> Tokens:
    """Returns what `encode` would have returned with this cut."""
    if cut.max_tokens is None or not (tokens.lengths > cut.max_tokens).any():
        return tokens
    ends = np.cumsum(tokens.lengths)
    kept = [np.array(cut(range(end - n, end))) for end, n in zip(ends.tolist(), tokens.lengths.tolist(), strict=True)]
    codes = tokens.codes[np.concatenate(kept)]
    seen, first = np.unique(codes, return_index=True)
    order = np.argsort(first)  # as they first appear in what is kept
    code = np.zeros(len(tokens.words), dtype=np.uint32)
    code[seen[order]] = np.arange(len(seen))
    return Tokens([tokens.words[i] for i in seen[order]], code[codes], np.array([len(rows) for rows in kept]))
