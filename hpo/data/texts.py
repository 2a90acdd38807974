"""Labelled texts as read from a source, and what every source must hold.

Reading lives in `docstrings`, `imdb`, `folder` and `table`; splitting in `splits`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hpo.config.schema import DataConfig, Empty
from hpo.data.labels import name_classes

PARTS = ("train", "valid", "test")
MIN_TEXTS = 10
UNLABELLED = "unlabelled"  # texts beside train, of no class
OTHERS_UNLABELLED = {UNLABELLED, "unlabeled", "unsup", "unsupervised"}  # what others call it; no class is meant


@dataclass(frozen=True)
class Texts:
    """One entry per text in each sequence.

    Attributes:
        texts: The texts, none of them blank.
        labels: As read, of any type; class names once they are checked.
        places: Where each text was found, as shown in errors: "row 12", "pos/3_7.txt".
        given: "train", "valid" or "test" where the source says so; None where it does not.
        groups: What each text belongs to, of which all stays in one part; None where nothing is said.
        labelled: What has the labels, as errors show it: "data.label_column=label"; "" where that is all of the source.
        versions: Versions of the packages the texts come from, by package.
        notes: What a study is to say of them before it begins, a sentence each.
    """

    texts: Sequence[str]
    labels: Sequence[Any]
    places: Sequence[str]
    given: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    labelled: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def keep(self, rows: Sequence[int]) -> Texts:
        """Returns some of the texts, with all that is known of them."""

        def kept(column: Sequence[Any]) -> list[Any]:
            return [column[row] for row in rows]

        return replace(
            self,
            texts=kept(self.texts),
            labels=kept(self.labels),
            places=kept(self.places),
            given=None if self.given is None else kept(self.given),
            groups=None if self.groups is None else kept(self.groups),
        )

    @property
    def classes(self) -> list[str]:
        """The class names, numbers in the order of numbers and everything else by spelling."""
        return sorted(set(self.labels), key=_class_order)


def check_texts(texts: Texts, config: DataConfig, *, source: str) -> Texts:
    """Returns `texts` with class names for labels, and without those that have none if `data.labels=clean`.

    Args:
        texts: What was read.
        config: Only its name and its rule for labels are looked at.
        source: What was read, with its config path: "data.path=reviews.csv".

    Raises:
        ValueError: If there is no text, a text is blank, a label is none or a slip, there is one class
            only, a class has one text only, or there is a handful of texts in all.
    """
    if not len(texts):
        raise ValueError(f"{source} holds no texts; data={config.name} needs at least two per class.")
    _check_blank(texts, source)
    texts = _named(texts, config, source)
    counts = Counter(texts.labels)
    if len(counts) < 2:
        names = ", ".join(map(repr, counts)) or "none"
        raise ValueError(f"{source} has one class only, {names}; a classifier needs at least two.")
    _check_counts(texts, counts, source)
    if len(texts) < MIN_TEXTS:
        raise ValueError(
            f"{source} holds {len(texts)} texts in all; give at least {MIN_TEXTS}, and some hundred to learn anything."
        )
    return texts


def _named(texts: Texts, config: DataConfig, source: str) -> Texts:
    """Returns texts with the names of their classes, without those that have none."""
    shown = f"{texts.labelled} of {source}" if texts.labelled else source
    named = name_classes(texts.labels, texts.places, rule=config.labels, shown=shown)
    rows = [row for row, name in enumerate(named.names) if name is not None]
    return replace(texts, labels=named.names, notes=(*texts.notes, *named.notes)).keep(rows)


def _check_counts(texts: Texts, counts: Mapping[str, int], source: str) -> None:
    lonely = sorted(name for name, n_texts in counts.items() if n_texts < 2)
    if lonely:
        place = texts.places[texts.labels.index(lonely[0])]
        shown = f"1 text of class {lonely[0]!r} ({place})"
        if len(lonely) > 1:
            shown = f"{len(lonely):,} classes of a single text, the first {lonely[0]!r} ({place})"
        raise ValueError(f"{source} has {shown}; every class needs at least two: add some or leave the class out.")


def drop_empty(texts: Texts, config: DataConfig) -> tuple[Texts, list[str]]:
    """Returns the texts without empty ones, if those are to be dropped, and what is to be said of it."""
    kept = [row for row, text in enumerate(texts.texts) if text.strip()]
    n_empty = len(texts) - len(kept)
    if not n_empty or config.empty is not Empty.drop:
        return texts, []
    first = next(place for text, place in zip(texts.texts, texts.places, strict=True) if not text.strip())

    said = f"{n_empty:,} of {len(texts):,} texts are empty and left out, the first in {first} (data.empty=drop)."
    return texts.keep(kept), [said]


def _check_blank(texts: Texts, source: str) -> None:
    blank = [place for text, place in zip(texts.texts, texts.places, strict=True) if not text.strip()]
    if blank:
        found = "1 empty text" if len(blank) == 1 else f"{len(blank)} empty texts, the first"
        raise ValueError(f"{source} has {found} in {blank[0]}; fill them, or leave them out by data.empty=drop.")


def _class_order(name: str) -> tuple[int, float, str]:
    is_number = re.fullmatch(r"[+-]?\d+(\.\d*)?", name)
    return (0, float(name), name) if is_number else (1, 0.0, name)
