"""An ensemble of kept models: what they say together, and its folder, in which theirs lie whole.

Which models are worth it is decided in `best`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from hpo.data.regressions import softmax
from hpo.data.tokens import Tokens
from hpo.machine.files import hash_bytes
from hpo.model.answer import Answer
from hpo.model.documents import model_card
from hpo.model.folder import CARD, DESCRIPTION, WEIGHTS, Description, read_description, read_file, write_model
from hpo.model.reading import Read

KIND, MEMBERS = "ensemble", "members"
TINY = np.finfo(np.float64).tiny


class Member(Protocol):
    """One of its models."""

    description: Description

    def answer_tokens(self, tokens: Tokens) -> list[Answer]:
        """Returns an answer for each text."""
        ...


class Ensemble:
    """The ensemble in a folder: log-probabilities of each model times its weight, added up.

    A text that a model has no answer for is answered by the others.

    Raises:
        ValueError: If it is damaged, or one of its models is.
    """

    def __init__(self, folder: Path, description: Description, open_member: Callable[[Path], Member]) -> None:
        weights = description.architecture.get("weights")
        is_list = isinstance(weights, list) and len(weights) >= 1
        if not is_list or not all(isinstance(w, int | float) and np.isfinite(w) and w > 0 for w in weights or ()):
            raise ValueError(f"{folder / DESCRIPTION} describes an ensemble without weights; copy its folder again.")
        for name in description.files:
            read_file(folder, description, name)
        self._weights = [float(weight) for weight in weights or ()]
        self._members = [open_member(folder / MEMBERS / f"{row}") for row in range(len(self._weights))]
        if any(list(member.description.classes) != list(description.classes) for member in self._members):
            raise ValueError(f"{folder} holds models of other classes than it says; copy its folder again.")

    def answer(self, read: Read) -> list[Answer]:
        """Returns an answer for each text."""
        asked = [member.answer_tokens(read.tokens) for member in self._members]
        return [self._answer(answers) for answers in zip(*asked, strict=True)]

    def _answer(self, answers: Sequence[Answer]) -> Answer:
        known = [
            (w, a.probabilities) for w, a in zip(self._weights, answers, strict=True) if a.probabilities is not None
        ]
        if not known:
            return answers[0]
        scale = sum(self._weights) / sum(weight for weight, _ in known)
        logits = scale * np.sum([weight * np.log(np.maximum(p, TINY)) for weight, p in known], axis=0)
        return Answer(softmax(logits[np.newaxis])[0], next((a.note for a in answers if a.note), ""))


def keep_ensemble(
    folder: Path, members: Sequence[Path], weights: Sequence[float], *, study: str, test: Mapping[str, float]
) -> None:
    """Replaces `folder` by the ensemble of the models in `members`, the best of which is the first.

    Args:
        folder: Its folder.
        members: Folders of models of the same classes and tokenizer.
        weights: What to multiply the log-probabilities of each by.
        study: What it comes from, for people.
        test: Its test metrics; {} if it was not tested.
    """
    descriptions = [read_description(member) for member in members]
    files = {
        f"{MEMBERS}/{row}/{name}": member / name
        for row, (member, description) in enumerate(zip(members, descriptions, strict=True))
        for name in (DESCRIPTION, *_needed(description))
    }
    first = descriptions[0]
    made: dict[str, Any] = {**first.provenance, "study": study, "params": {}, "test": dict(test), "trial": "several"}
    described = Description(
        architecture={"kind": KIND, "weights": [float(weight) for weight in weights]},
        n_params=sum(description.n_params for description in descriptions),
        vocab=first.vocab,
        classes=first.classes,
        tokenizer=replace(first.tokenizer, max_tokens=None),  # each model cuts texts as it was trained
        provenance=made,
        files={name: hash_bytes(path.read_bytes()) for name, path in files.items()},
        is_logged=False,
    )
    write_model(folder, described, files, {CARD: model_card(described).encode("utf-8", "replace")})


def _needed(description: Description) -> list[str]:
    """Returns the files that a model answers with, by name."""
    return [name for name in description.files if name == WEIGHTS or name.startswith(f"{MEMBERS}/")]
