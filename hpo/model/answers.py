"""Answers of a kept model: texts in, a probability for each class out, or why there is none.

What the weights say is known to the kind of the model, a module each; files of texts are `texts_file`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol

from hpo.data.tokens import Tokens, cut_tokens
from hpo.model.answer import Answer as Answer
from hpo.model.answer import as_columns as as_columns
from hpo.model.answer import refusal as refusal
from hpo.model.folder import DESCRIPTION, Description, read_description
from hpo.model.reading import Read, Reader, differences


class Kind(Protocol):
    """What answers with the weights in a folder; asked by one thread at a time."""

    def answer(self, read: Read) -> list[Answer]:
        """Returns an answer for each text; equal texts have equal ones, whatever is asked beside them."""
        ...


class TextModel:
    """The model in a folder; may be asked by several threads, which get their answers one after the other.

    Attributes:
        description: What the folder says of it.
        warnings: Sentences on what differs here from where it was trained.

    Raises:
        ValueError: If the folder holds no model, or one that is damaged or of another format.
    """

    def __init__(self, folder: Path, *, device: str = "cpu") -> None:
        self.description = read_description(folder)
        self._kind = _open_kind(folder, self.description, device=device)
        self._lock = Lock()  # a network keeps its hidden state between chunks
        self._reader = Reader(self.description.tokenizer)
        self.warnings = differences(self.description.tokenizer.versions, self.description.tokenizer)

    @property
    def classes(self) -> Sequence[str]:
        return self.description.classes

    def answer(self, texts: Sequence[str]) -> list[Answer]:
        """Returns an answer for each text; equal texts have equal ones, whatever is asked beside them."""
        answers = [Answer(None, refusal(text)) for text in texts]
        rows = [row for row, answer in enumerate(answers) if not answer.note]
        with self._lock:
            found = self._kind.answer(self._reader.read([texts[row] for row in rows]))
        for row, answer in zip(rows, found, strict=True):
            answers[row] = answer
        return answers

    def answer_tokens(self, tokens: Tokens) -> list[Answer]:
        """Returns an answer for each text of whole tokens, as the tokenizer of its training makes them."""
        cut = cut_tokens(tokens, self.description.tokenizer.cut)
        with self._lock:
            return self._kind.answer(Read(cut, tokens.lengths.tolist()))


def load() -> None:
    """Imports what answering by a network takes, before there is one."""
    import hpo.model.network  # noqa: F401


def _open_kind(folder: Path, description: Description, *, device: str) -> Kind:
    """Returns what answers with the weights in `folder`; a new kind is a module beside this one, and a case here."""
    match description.kind:
        case "awd_lstm":
            from hpo.model.network import Network

            return Network(folder, description, device=device)
        case "linear":
            from hpo.model.linear import LinearClassifier

            return LinearClassifier(folder, description)
        case "ensemble":
            from hpo.model.ensemble import Ensemble

            return Ensemble(folder, description, lambda member: TextModel(member, device=device))
        case unknown:
            raise ValueError(
                f"{folder / DESCRIPTION} describes a model of the kind {unknown!r}, which this version does not know; "
                "use the version that wrote it."
            )
