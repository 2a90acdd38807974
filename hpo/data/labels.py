"""Labels as read become class names: what nobody can have meant as a class is refused, or mended and said.

`data.labels=strict` refuses each slip in a sentence, `clean` mends it. What the classes look like as a whole is
`doubtful_labels`'s concern, which text is in which part that of `splits`.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hpo.config.schema import Labels
from hpo.data.doubtful_labels import doubts, written_for_missing

# seen by nobody; joiners between letters are seen, and not among them
WIDTHLESS = dict.fromkeys([*map(ord, "\xad\u061c\u200b\u200e\u200f\u2060\ufeff"), *range(0x202A, 0x202F)])
WIDTHLESS |= dict.fromkeys(range(0x2066, 0x206A))
MISSING = {"nan", "-nan", "<na>", "nat", "#n/a"}  # how programs write that there is none
NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d{1,3})?")
# letters of other alphabets that are drawn as Latin ones are
DRAWN_ALIKE = str.maketrans("аеорсухіјѕԁһкмтвнοαρνικ", "aeopcyxijsdhkmtbhoapvik")
SEVERAL = re.compile(r"\[[-+.\de\s]*\]|\[\s*'.*'\s*\]|\{.*:.*\}", re.DOTALL)  # numpy's arrays, objects of JSON
BYTES = re.compile(r"b'.*'|b\".*\"", re.DOTALL)
MAX_SHOWN = 80  # characters of a value that errors show
CLEAN = "data.labels=clean"


@dataclass(frozen=True)
class Names:
    """What labels became.

    Attributes:
        names: The class name of each label; None where there is no label, and its text is to be left out.
        notes: What was done to them and what is odd about them, a sentence each.
    """

    names: Sequence[str | None]
    notes: Sequence[str]


def name_classes(values: Sequence[object], places: Sequence[str], *, rule: Labels, shown: str) -> Names:
    """Returns the class names of labels.

    Args:
        values: The labels as read, of any type.
        places: Where each was found.
        rule: Whether slips are refused or mended.
        shown: What has the labels: "data.label_column=mood of data.path=reviews.csv".

    Raises:
        ValueError: If a label is several ones or, with `strict`, looks like a slip.
    """
    naming = _Naming(shown, places, is_strict=rule is not Labels.clean)
    names = naming.tidy(naming.merge(naming.leave_out(naming.decode(values))))
    for doubt in doubts(names, places):
        naming.slip(doubt, "name another column, or mend the labels", "which takes them for classes", doubt)
    for name in written_for_missing(names):
        n_texts = f"{sum(label == name for label in names):,} texts"
        naming.notes.append(
            f"{shown} has the class {name!r} ({n_texts}), which programs write where there is no label."
        )
    return Names(names, naming.notes)


class _Naming:
    """The steps from labels to names; each refuses what it finds, or mends it and notes so."""

    def __init__(self, shown: str, places: Sequence[str], *, is_strict: bool) -> None:
        self.shown, self.places, self.is_strict = shown, places, is_strict
        self.notes: list[str] = []

    def slip(self, what: str, advice: str, clean: str, done: str) -> None:
        """Refuses what `clean` would do something about, or notes that it is done."""
        if self.is_strict:
            raise ValueError(f"{self.shown} {what}; {advice}, or give {CLEAN}, {clean}.")
        self.notes.append(f"{self.shown} {done}.")

    def decode(self, values: Sequence[object]) -> list[str]:
        """Returns labels as texts, "" where there is none."""
        kinds = [_kind(value) for value in values]
        for value, kind, place in zip(values, kinds, self.places, strict=True):
            if kind == "several":
                raise ValueError(
                    f"{self.shown} holds {shortened(value)} in {place}, which is no single label; give one label a "
                    "text, as a number or a text."
                )
        self._check_kinds(values, kinds)
        return [
            _decoded(value, f"{self.shown} holds {shortened(value)} in {place}")
            if kind == "bytes"
            else ("" if kind == "missing" else str(value))
            for value, kind, place in zip(values, kinds, self.places, strict=True)
        ]

    def _check_kinds(self, values: Sequence[object], kinds: Sequence[str]) -> None:
        first = {kind: kinds.index(kind) for kind in dict.fromkeys(kinds) if kind != "missing"}
        for kind in ("bytes", "date"):
            if kind in first:
                what = f"{shortened(values[first[kind]])} in {self.places[first[kind]]}"
                are = "bytes, not texts" if kind == "bytes" else "points in time, not classes"
                advice = "write them as texts" if kind == "bytes" else "name the column of classes"
                reads = "which reads them as UTF-8" if kind == "bytes" else "which takes each for a class"
                self.slip(f"holds {what}, {are}", advice, reads, f"holds {are}, as {what}: {reads.split(' ', 1)[1]}")
        if len(first) > 1:
            one, other = list(first.values())[:2]
            both = f"{shortened(values[one])} in {self.places[one]} and {shortened(values[other])}"
            what = f"holds values of several types, {both} in {self.places[other]}"
            self.slip(what, "write all of them as texts", "which does", f"{what}: read as texts")

    def leave_out(self, labels: Sequence[str]) -> list[str | None]:
        """Returns labels, None for those that say that there is none."""
        rows = [row for row, label in enumerate(labels) if not _look(label) or _look(label).lower() in MISSING]
        if not rows:
            return list(labels)
        label, place = labels[rows[0]], self.places[rows[0]]
        count = f"{len(rows):,} missing label{'s' * (len(rows) > 1)}"
        where = f"the first in {place}" if _look(label) == "" else f"the first ({label!r}) in {place}"
        left = f"{count}, {where}"
        self.slip(f"has {left}", "fill them or leave those rows out", "which leaves them out", f"has {left}: left out")
        gone = set(rows)
        return [None if row in gone else label for row, label in enumerate(labels)]

    def merge(self, labels: Sequence[str | None]) -> list[str | None]:
        """Returns labels, each spelled as most of those that cannot have been meant as another class are."""
        counts = Counter(label for label in labels if label is not None)
        spellings: dict[Hashable, list[str]] = {}
        for label in counts:
            spellings.setdefault(_meant(label), []).append(label)
        merged: dict[str, str] = {}
        for alike in spellings.values():
            if len(alike) > 1:
                # of equally many the one that is tidy, then the first
                best = max(alike, key=lambda name: (counts[name], name == _look(name)))
                self._check_alike(alike, best, labels, n_texts=sum(counts[name] for name in alike))
                merged |= dict.fromkeys(alike, best)
        return [merged.get(label, label) if label is not None else None for label in labels]

    def _check_alike(self, alike: list[str], best: str, labels: Sequence[str | None], *, n_texts: int) -> None:
        one, other = alike[:2]
        if _look(one) == _look(other):
            reason = "which look alike"
        elif _folded(one) == _folded(other):
            reason = "which differ in the case or width of letters only"
        elif isinstance(_meant(one), Decimal):
            reason = "which are one number"
        else:
            reason = "which are of letters that are drawn alike"
        self.slip(
            f"has the labels {quoted(one)} and {quoted(other)} ({self.places[labels.index(other)]}), {reason}",
            "spell one class in one way",
            f"which reads them as {quoted(_look(best))}",
            f"has {' and '.join(map(quoted, alike))}, {reason}: read as {quoted(_look(best))}, {n_texts:,} texts",
        )

    def tidy(self, labels: Sequence[str | None]) -> list[str | None]:
        """Returns labels without blanks around them, and without what nobody sees."""
        untidy = [name for name in dict.fromkeys(labels) if name is not None and name != _visible(name)]
        if untidy:
            name, place = quoted(untidy[0]), self.places[labels.index(untidy[0])]
            what = f"has blanks or signs that nobody sees in the label {name} ({place})"
            if len(untidy) > 1:
                what = f"has blanks or signs that nobody sees in {len(untidy)} labels, the first {name} ({place})"
            self.slip(what, "take them out", "which does", f"{what}: taken out")
        clean = {name: _visible(name) for name in untidy}
        return [clean.get(label, label) if label is not None else None for label in labels]


def _kind(value: object) -> str:
    """Returns what a label is: "text", "number", "truth", "bytes", "date", "missing" or "several"."""
    if isinstance(value, str):
        return _kind_of_text(value)
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "missing"
    if isinstance(value, bytes | bytearray | memoryview):
        return "bytes"
    if type(value).__name__ in ("bool", "bool_"):
        return "truth"
    if hasattr(value, "isoformat") or hasattr(value, "total_seconds"):
        return "date"
    if hasattr(value, "__float__") and not hasattr(value, "__len__"):
        return "number" if value == value else "missing"
    return "several"


def _kind_of_text(text: str) -> str:
    """Returns what a text is that a file of texts, as CSV is, holds in place of a value of another type."""
    stripped = text.strip()
    if BYTES.fullmatch(stripped):
        return "bytes"
    if stripped[:1] not in ("[", "{", "("):
        return "text"
    try:
        is_several = isinstance(ast.literal_eval(stripped), list | tuple | dict | set)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        is_several = SEVERAL.fullmatch(stripped) is not None
    return "several" if is_several else "text"


def _decoded(value: object, shown: str) -> str:
    try:
        data = ast.literal_eval(value.strip()) if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
        return str(data.decode())
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"{shown}, bytes that are no UTF-8; write the labels as texts.") from error


def _visible(label: str) -> str:
    """Returns a label without blanks around it, one for several, and without what has no width or is for machines."""
    kept = "".join(" " if char.isspace() else char for char in label.translate(WIDTHLESS))
    return " ".join("".join(char for char in kept if unicodedata.category(char) != "Cc").split())


def _look(label: str) -> str:
    """Returns what is seen of a label, however its letters are put together."""
    return unicodedata.normalize("NFC", _visible(label))


def _folded(label: str) -> str:
    """Returns a label in small letters of usual width, numbers in digits that programs write."""
    usual = unicodedata.normalize("NFKC", _look(label)).replace("\ufe0f", "").lower()
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in usual)


def _meant(label: str) -> Hashable:
    """Returns what is equal for labels that cannot have been meant as two classes."""
    folded = _folded(label)
    return Decimal(folded).normalize() if NUMBER.fullmatch(folded) else folded.translate(DRAWN_ALIKE)


def quoted(label: str) -> str:
    """Returns a label in quotes; letters that are made of several signs are spelled by their numbers."""
    return shortened(label) if unicodedata.is_normalized("NFC", label) else ascii(label)


def shortened(value: object) -> str:
    """Returns a value as errors show it."""
    shown = repr(value)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"
