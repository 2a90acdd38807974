"""Labelled texts as read from a source, and what every source must hold.

Reading lives in `docstrings`, `imdb`, `folder` and `table`; splitting in `splits`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hpo.config.schema import DataConfig, Empty

WIDTHLESS = dict.fromkeys(map(ord, "\xad\u200b\u2060\ufeff"))  # joiners between letters are seen, and not among them
PARTS = ("train", "valid", "test")
UNLABELLED = "unlabelled"  # texts beside train, of no class
OTHERS_UNLABELLED = {UNLABELLED, "unlabeled", "unsup", "unsupervised"}  # what others call it; no class is meant


@dataclass(frozen=True)
class Texts:
    """One entry per text in each sequence.

    Attributes:
        texts: The texts, none of them blank.
        labels: Class names.
        places: Where each text was found, as shown in errors: "row 12", "pos/3_7.txt".
        given: "train", "valid" or "test" where the source says so; None where it does not.
        groups: What each text belongs to, of which all stays in one part; None where nothing is said.
        versions: Versions of the packages the texts come from, by package.
    """

    texts: Sequence[str]
    labels: Sequence[str]
    places: Sequence[str]
    given: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def classes(self) -> list[str]:
        """The class names, numbers in the order of numbers and everything else by spelling."""
        return sorted(set(self.labels), key=_class_order)


def check_texts(texts: Texts, config: DataConfig, *, source: str) -> Texts:
    """Returns `texts` unchanged.

    Args:
        texts: What was read.
        config: Only its name is shown.
        source: What was read, with its config path: "data.path=reviews.csv".

    Raises:
        ValueError: If there is no text, a text is blank, two classes look alike, there is one class
            only, or a class has one text only.
    """
    if not len(texts):
        raise ValueError(f"{source} holds no texts; data={config.name} needs at least two per class.")
    _check_blank(texts, source)
    check_labels(texts.labels, texts.places, shown=source)
    counts = Counter(texts.labels)
    if len(counts) < 2:
        raise ValueError(f"{source} has one class only, {texts.labels[0]!r}; a classifier needs at least two.")
    for name, n_texts in sorted(counts.items()):
        if n_texts < 2:
            raise ValueError(
                f"{source} has {n_texts} text of class {name!r} ({texts.places[texts.labels.index(name)]}); "
                "every class needs at least two: add some or leave the class out."
            )
    return texts


def drop_empty(texts: Texts, config: DataConfig) -> tuple[Texts, list[str]]:
    """Returns the texts without empty ones, if those are to be dropped, and what is to be said of it."""
    kept = [row for row, text in enumerate(texts.texts) if text.strip()]
    n_empty = len(texts) - len(kept)
    if not n_empty or config.empty is not Empty.drop:
        return texts, []
    first = next(place for text, place in zip(texts.texts, texts.places, strict=True) if not text.strip())

    def left(column: Sequence[str]) -> list[str]:
        return [column[row] for row in kept]

    shorter = replace(
        texts,
        texts=left(texts.texts),
        labels=left(texts.labels),
        places=left(texts.places),
        given=None if texts.given is None else left(texts.given),
        groups=None if texts.groups is None else left(texts.groups),
    )
    said = f"{n_empty:,} of {len(texts):,} texts are empty and left out, the first in {first} (data.empty=drop)."
    return shorter, [said]


def check_labels(labels: Sequence[str], places: Sequence[str], *, shown: str) -> None:
    """Refuses labels that nobody could tell apart on a screen: a slip of the hand is no class of its own.

    Args:
        labels: Of each text.
        places: Where each text was found.
        shown: What has the labels: "data.label_column=mood".

    Raises:
        ValueError: naming two labels and a place.
    """
    alike: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        other = alike.setdefault(_look(label), label)
        if other != label:
            raise ValueError(
                f"{shown} has the labels {_quoted(other)} and {_quoted(label)} "
                f"({places[labels.index(label)]}), which look alike; spell one class in one way."
            )


def _quoted(label: str) -> str:
    """Returns a label in quotes; letters that are made of several signs are spelled by their numbers."""
    return repr(label) if unicodedata.is_normalized("NFC", label) else ascii(label)


def _look(label: str) -> str:
    """Returns what is seen of a label: no blanks around it, one for several, nothing of what has no width."""
    return " ".join(unicodedata.normalize("NFC", label.translate(WIDTHLESS)).split())


def _check_blank(texts: Texts, source: str) -> None:
    blank = [place for text, place in zip(texts.texts, texts.places, strict=True) if not text.strip()]
    if blank:
        found = "1 empty text" if len(blank) == 1 else f"{len(blank)} empty texts, the first"
        raise ValueError(f"{source} has {found} in {blank[0]}; fill them, or leave them out by data.empty=drop.")


def _class_order(name: str) -> tuple[int, float, str]:
    is_number = re.fullmatch(r"[+-]?\d+(\.\d*)?", name)
    return (0, float(name), name) if is_number else (1, 0.0, name)
