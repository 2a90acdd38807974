"""What class names as a whole look like when they are none: numbers to be predicted, ids, dates, texts, several in one.

How a single label is spelled is `labels`'s concern.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?(e[+-]?\d+)?|[+-]?inf(inity)?", re.IGNORECASE)
DATE = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?([T ]\d.*)?|\d{1,2}[./]\d{1,2}[./](\d{4}|\d\d)")
WRITTEN_FOR_MISSING = {"None", "NULL", "null", "Null", "NA", "N/A", "n/a"}  # by programs; some call a class so
SEPARATOR = re.compile(r"\s*[,;|]\s*")
MAX_CHARS = 200  # of a class name
MAX_NUMBERS = 20  # different numbers that may be classes without a thought
N_REPEATS = 5  # texts of each number, on average, where there are more
FEW = 10  # texts that are not worth a word on their labels: there are too few of them


def doubts(names: Sequence[str | None], places: Sequence[str]) -> Iterator[str]:
    """Yields what makes names look like no classes: "has 97 different numbers, …"."""
    counts = Counter(name for name in names if name is not None)
    if counts.total() < FEW:
        return
    whole = _numbers(counts) or _dates(counts) or _ids(counts)
    if whole:
        yield whole
    for name, what in _odd_names(counts):
        yield what.format(f"{name[:40]!r}{'…' * (len(name) > 40)} ({places[names.index(name)]})")


def written_for_missing(names: Sequence[str | None]) -> list[str]:
    """Returns the names that programs write where there is no label."""
    return [name for name in dict.fromkeys(names) if name in WRITTEN_FOR_MISSING]


def _numbers(counts: Mapping[str, int]) -> str:
    n_texts = sum(counts.values())
    is_measured = any(re.search(r"[.,]\d*[1-9]", name) for name in counts)
    is_fine = len(counts) <= MAX_NUMBERS or (not is_measured and n_texts >= N_REPEATS * len(counts))
    if not all(NUMBER.fullmatch(name) for name in counts) or (is_fine and n_texts >= 2 * len(counts)):
        return ""
    return (
        f"has {len(counts):,} different numbers in {n_texts:,} texts, as {_first(counts)}, which look like "
        "measurements or ids, not like classes (cut them into a few classes to predict them)"
    )


def _dates(counts: Mapping[str, int]) -> str:
    if not all(DATE.fullmatch(name) for name in counts):
        return ""
    return f"has {len(counts):,} dates, as {_first(counts)}, which are no classes"


def _ids(counts: Mapping[str, int]) -> str:
    n_texts = sum(counts.values())
    if 2 * len(counts) <= n_texts:
        return ""
    return (
        f"has {len(counts):,} different labels in {n_texts:,} texts, as {_first(counts)}, which look like ids or "
        "texts, not like classes"
    )


def _odd_names(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    long = next((name for name in counts if len(name) > MAX_CHARS), None)
    if long is not None:
        yield long, f"has a label of {len(long):,} characters, {{}}, which looks like a text"
    joined = next((name for name in counts if _is_joined(name, counts)), None)
    if joined is not None:
        yield joined, "has the label {}, which looks like several of the others"


def _is_joined(name: str, counts: Mapping[str, int]) -> bool:
    parts = SEPARATOR.split(name)
    return len(parts) > 1 and all(part in counts for part in parts)


def _first(counts: Mapping[str, int]) -> str:
    return ", ".join(repr(name[:40]) for name in list(counts)[:3])
