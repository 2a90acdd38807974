"""What a linear model says of texts: n-grams of all their words, known and unknown ones.

Files and answers of other kinds are not its business.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpo.data.vocabulary import SPECIAL, Part
from hpo.model.answer import Answer
from hpo.model.folder import DESCRIPTION, WEIGHTS, Description, read_file
from hpo.model.reading import Read
from hpo.trainers.linear.model import read_model


class LinearClassifier:
    """The linear model in a folder.

    Raises:
        ValueError: If it is damaged, or unknown to this version.
    """

    def __init__(self, folder: Path, description: Description) -> None:
        data = read_file(folder, description, WEIGHTS)
        self._model = read_model(description.architecture, description.vocab, data, folder / WEIGHTS)
        if self._model.n_classes != len(description.classes):
            raise ValueError(
                f"{folder / DESCRIPTION} describes another model than its weights; copy the model's folder again."
            )
        self._known = {*description.vocab}

    def answer(self, read: Read) -> list[Answer]:
        """Returns an answer for each text."""
        tokens, n_texts = read.tokens, len(read.lengths)
        if not n_texts:
            return []
        offsets = np.concatenate([[0], np.cumsum(tokens.lengths)]).astype(np.int64)
        part = Part(tokens.codes, offsets, np.zeros(n_texts, dtype=np.int64))
        found, is_known = self._model.probabilities(part, tokens.words)
        is_word = np.array([word not in SPECIAL for word in tokens.words], dtype=bool)
        is_unknown = np.array([word not in self._known for word in tokens.words], dtype=bool) & is_word
        answers = []
        for row, length in enumerate(read.lengths):
            codes = tokens.codes[offsets[row] : offsets[row + 1]]
            n_words, n_unknown = int(is_word[codes].sum()), int(is_unknown[codes].sum())
            if not is_known[row]:
                answers.append(Answer(None, "no known word" if length else "too long"))
            else:
                note = f"{n_unknown:,} of {n_words:,} words unknown" if 2 * n_unknown > n_words else ""
                answers.append(Answer(found[row], note))
        return answers
