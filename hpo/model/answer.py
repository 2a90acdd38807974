"""What a model says of one text, and why a text cannot be asked about.

How it comes to say that is known to its kind: `answers` finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.data.tokens import SPACY_MAX_CHARS

Probabilities = NDArray[np.float64]


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


def refusal(text: str) -> str:
    """Returns why a text cannot be asked about, seen without the model; "" if it can."""
    if not text.strip():
        return "empty"
    if len(text) > SPACY_MAX_CHARS:
        return f"too long: {len(text):,} characters, at most {SPACY_MAX_CHARS:,}"
    if any("\ud800" <= char <= "\udfff" for char in text):
        return "bytes that are not text"
    return ""


def as_columns(answers: Sequence[Answer], classes: Sequence[str]) -> dict[str, list[object]]:
    """Returns answers as the columns of a table, None where there is none."""
    rows = [answer.cells(classes) for answer in answers]
    return {name: [row[name] for row in rows] for name in Answer(None).cells(classes)}
