"""Answers of a kept model: texts in, a probability for each class out, or why there is none.

Tokens, words and padding are those of training; files of texts are `texts_file`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from torch import cuda

from hpo.data.tokens import SPACY_MAX_CHARS, build_tokenizer, encode, tokenizer_versions
from hpo.data.vocabulary import SPECIAL, Part, to_ids
from hpo.model.folder import DESCRIPTION, WEIGHTS, Description, read_description, read_file
from hpo.trainers.awd_lstm.network.classifier import n_chunks_dropped, read_architecture
from hpo.trainers.awd_lstm.network.outputs import Probabilities, class_probabilities
from hpo.trainers.awd_lstm.network.weights import load_network

BATCH_SIZE = 32
UNKNOWN = 0  # the id of xxunk

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Answer:
    """What a model says of one text.

    Attributes:
        probabilities: One for each class, in their order; None where there is no answer.
        note: What is to be known of it: why there is no answer, or what of the text was not looked at.
    """

    probabilities: Probabilities | None
    note: str = ""

    def cells(self, classes: Sequence[str]) -> dict[str, str | float | None]:
        """Returns its row of a table by column: label (the first of equals), probability, note, and of each class."""
        values = [None] * len(classes) if self.probabilities is None else [float(p) for p in self.probabilities]
        best = None if self.probabilities is None else int(self.probabilities.argmax())
        return {
            "label": None if best is None else classes[best],
            "probability": None if best is None else values[best],
            "note": self.note,
            **{f"probability.{name}": value for name, value in zip(classes, values, strict=True)},
        }


class TextModel:
    """The model in a folder; may be asked by several threads, which get their answers one after the other.

    Attributes:
        description: What the folder says of it.
        warnings: Sentences on what differs here from where it was trained.

    Raises:
        ValueError: If the folder holds no model, or one that is damaged or of another format.
    """

    def __init__(self, folder: Path, *, device: str = "cpu") -> None:
        if device == "auto":
            device = "cuda" if cuda.is_available() else "cpu"
        self.description = read_description(folder)
        try:
            self._architecture = read_architecture(self.description.architecture)
            n_wanted = (self._architecture.n_vocab, self._architecture.n_classes)
            if n_wanted != (len(self.description.vocab), len(self.description.classes)):
                raise ValueError("words and classes are not as many as its network has")
        except ValueError as error:
            raise ValueError(
                f"{folder / DESCRIPTION} describes a network unknown to this version ({error}); copy the model's "
                "folder again, or use the version that wrote it."
            ) from error
        network = load_network(self._architecture, read_file(folder, self.description, WEIGHTS), folder / WEIGHTS)
        self._network = network.to(device)
        self._device = device
        self._lock = Lock()  # the network keeps its hidden state between chunks
        self._tokenize = build_tokenizer(self.description.tokenizer.tokenizer)
        self.warnings = _differences(self.description)

    @property
    def classes(self) -> Sequence[str]:
        return self.description.classes

    def answer(self, texts: Sequence[str]) -> list[Answer]:
        """Returns an answer for each text; equal texts have equal ones, whatever is asked beside them."""
        with self._lock:
            return self._answer(texts)

    def _answer(self, texts: Sequence[str]) -> list[Answer]:
        answers = [Answer(None, refusal(text)) for text in texts]
        rows = [row for row, answer in enumerate(answers) if not answer.note]
        ids, lengths = self._number([texts[row] for row in rows])
        readable = [i for i in range(len(rows)) if (ids[i] >= len(SPECIAL)).any()]
        for i, probabilities in zip(readable, self._probabilities([ids[i] for i in readable]), strict=True):
            answers[rows[i]] = Answer(probabilities, self._note(ids[i], lengths[i]))
        for i in set(range(len(rows))) - set(readable):
            answers[rows[i]] = Answer(None, "no known word" if lengths[i] else "too long")
        return answers

    def _number(self, texts: Sequence[str]) -> tuple[list[Ids], list[int]]:
        """Returns the ids of each text as in training, and how many tokens it had before it was cut."""
        lengths: list[int] = []
        cut = self.description.tokenizer.cut

        def counted(tokens: Sequence[str]) -> Sequence[str]:
            lengths.append(len(tokens))
            return cut(tokens)

        if not texts:
            return [], []
        try:
            tokens = encode(texts, self._tokenize, counted)
        except ValueError:  # spaCy's limit is on what fastai's rules have made of a text
            if len(texts) == 1:
                return [np.array([], dtype=np.int64)], [0]
            alone = [self._number([text]) for text in texts]
            return [ids[0] for ids, _ in alone], [length[0] for _, length in alone]
        ids = to_ids(tokens.words, self.description.vocab)[tokens.codes].astype(np.int64)
        return list(np.split(ids, np.cumsum(tokens.lengths)[:-1])), lengths

    def _note(self, ids: Ids, n_tokens: int) -> str:
        notes = []
        if len(ids) < n_tokens:
            notes.append(f"{len(ids):,} of {n_tokens:,} tokens read, as in training")
        a = self._architecture
        n_read = len(ids) - a.bptt * n_chunks_dropped(len(ids), bptt=a.bptt, max_len=a.max_len)
        if n_read < len(ids):
            ends = "first and the last" if a.bidir else "last"
            notes.append(f"the {ends} {n_read:,} of {len(ids):,} tokens decide, as in training")
        n_unknown, n_known = int((ids == UNKNOWN).sum()), int((ids >= len(SPECIAL)).sum())
        if n_unknown > n_known:
            notes.append(f"{n_unknown:,} of {n_unknown + n_known:,} words unknown")
        return "; ".join(notes)

    def _probabilities(self, texts: Sequence[Ids]) -> Probabilities:
        """Returns the probabilities of each text, in their order."""
        ends = np.cumsum([0, *(len(ids) for ids in texts)], dtype=np.int64)
        flat = np.concatenate([np.empty(0, dtype=np.uint32), *texts]).astype(np.uint32)
        part = Part(flat, ends, np.zeros(len(texts), dtype=np.int64))
        return class_probabilities(
            self._network, self._architecture, part, batch_size=BATCH_SIZE, device=self._device, alone=True
        )


def refusal(text: str) -> str:
    """Returns why a text cannot be asked about, seen without the model; "" if it can."""
    if not text.strip():
        return "empty"
    if len(text) > SPACY_MAX_CHARS:
        return f"too long: {len(text):,} characters, at most {SPACY_MAX_CHARS:,}"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "bytes that are not text"
    return ""


def _differences(description: Description) -> list[str]:
    trained, here = description.tokenizer.versions, tokenizer_versions(description.tokenizer.tokenizer)
    return [
        f"Texts may become other tokens than in training: {name} is {here.get(name, 'absent')} here and was {version}."
        for name, version in trained.items()
        if here.get(name) != version
    ]


def as_columns(answers: Sequence[Answer], classes: Sequence[str]) -> dict[str, list[object]]:
    """Returns answers as the columns of a table, None where there is none."""
    rows = [answer.cells(classes) for answer in answers]
    return {name: [row[name] for row in rows] for name in Answer(None).cells(classes)}
