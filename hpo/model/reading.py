"""Texts as the tokens that a model was trained on.

What is made of the tokens is known to the model's kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hpo.data.tokens import Tokens, build_tokenizer, encode, tokenizer_versions
from hpo.model.folder import TokenizerSettings


@dataclass(frozen=True)
class Read:
    """Texts as tokens.

    Attributes:
        tokens: Their tokens, cut as in training.
        lengths: How many tokens each had before it was cut; 0 where the tokenizer refuses it for its length.
    """

    tokens: Tokens
    lengths: Sequence[int]


class Reader:
    """Makes tokens of texts, as in training."""

    def __init__(self, settings: TokenizerSettings) -> None:
        self._tokenize = build_tokenizer(settings.tokenizer)
        self._cut = settings.cut

    def read(self, texts: Sequence[str]) -> Read:
        """Returns the tokens of `texts`."""
        lengths: list[int] = []

        def counted(tokens: Sequence[str]) -> Sequence[str]:
            lengths.append(len(tokens))
            return self._cut(tokens)

        if not texts:
            return Read(_NOTHING, [])
        try:
            return Read(encode(texts, self._tokenize, counted), lengths)
        except ValueError:  # spaCy's limit is on what fastai's rules have made of a text
            return self._read_each(texts)

    def _read_each(self, texts: Sequence[str]) -> Read:
        """Returns the tokens of texts, none of those that the tokenizer refuses."""
        lengths: list[int] = []
        refused: set[int] = set()

        def tokenize(texts: Sequence[str]) -> Iterator[Sequence[str]]:
            for row, text in enumerate(texts):
                try:
                    tokens = next(iter(self._tokenize([text])))
                except ValueError:
                    refused.add(row)
                    tokens = []
                lengths.append(len(tokens))
                yield self._cut(tokens) if tokens else tokens

        return Read(encode(texts, tokenize, lambda tokens: tokens), lengths)


def differences(trained: Mapping[str, str], settings: TokenizerSettings) -> list[str]:
    """Returns a sentence for each package of the tokenizer that is of another version here than where it trained."""
    here = tokenizer_versions(settings.tokenizer)
    return [
        f"Texts may become other tokens than in training: {name} is {here.get(name, 'absent')} here and was {version}."
        for name, version in trained.items()
        if here.get(name) != version
    ]


_NOTHING = Tokens([], np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.int64))
