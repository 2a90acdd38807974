"""Texts that are equal to the network, token by token: those of other parts in the train part, and under two labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.integer]  # of one text, a number each


@dataclass(frozen=True)
class Overlaps:
    """How many texts there are in each part, by its name.

    Attributes:
        doubles: Those of the other parts that have the tokens of one of the train part: what is measured on them is
            too good. Blanks or capitals that the tokenizer drops make no text a new one.
        conflicts: Those that have the tokens of one of the train part with another label.
        sizes: All of them.
    """

    doubles: Mapping[str, int]
    conflicts: Mapping[str, int]
    sizes: Mapping[str, int]

    @property
    def sentences(self) -> list[str]:
        """What is to be said of it."""
        said = []
        if doubles := self._counted(self.doubles):
            said.append(f"Also in train, token by token: {doubles}; what is measured on them is too good.")
        if conflicts := self._counted(self.conflicts):
            said.append(f"Also in train under another label, token by token: {conflicts}; no model can learn both.")
        return said

    def _counted(self, counts: Mapping[str, int]) -> str:
        return " and ".join(f"{n:,} of {self.sizes[part]:,} texts of {part}" for part, n in counts.items() if n)


def find_overlaps(parts: Mapping[str, tuple[Sequence[Tokens], Sequence[int]]]) -> Overlaps:
    """Returns which texts are equal; `parts` holds the texts and labels of each, train among them."""
    learned: defaultdict[bytes, set[int]] = defaultdict(set)
    for text, label in zip(*parts["train"], strict=True):
        learned[text.tobytes()].add(label)
    conflicts = {
        name: sum(not learned.get(text.tobytes(), set()) <= {label} for text, label in zip(*part, strict=True))
        for name, part in parts.items()
    }
    doubles = {
        name: sum(text.tobytes() in learned for text in texts) for name, (texts, _) in parts.items() if name != "train"
    }
    return Overlaps(doubles, conflicts, {name: len(texts) for name, (texts, _) in parts.items()})
