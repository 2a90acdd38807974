"""Plain lines as rows: a label before each text, as fastText and TREC write them, or a text a line."""

from __future__ import annotations

import re
from collections.abc import Sequence

FASTTEXT = re.compile(r"\s*__label__(?P<label>\S+)\s+(?P<text>.*)", re.DOTALL)
TREC = re.compile(r"(?P<label>[A-Z][A-Za-z]*):[A-Za-z]\w*\s+(?P<text>.*)", re.DOTALL)
N_LOOKED_AT = 200


def find_pattern(lines: Sequence[str]) -> re.Pattern[str] | None:
    """Returns how labels stand before the texts of lines, `__label__LABEL TEXT` or `LABEL:sub TEXT`; None: not so."""
    filled = [line for line in lines[:N_LOOKED_AT] if line.strip()]
    return next((each for each in (FASTTEXT, TREC) if filled and all(map(each.match, filled))), None)


def split_lines(text: str) -> list[tuple[int, str]]:
    """Returns the lines that are not blank, with their numbers."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def read_lines(text: str, *, shown: str) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Returns the columns of lines and their rows: text and label, or text alone; each row with its place.

    Raises:
        ValueError: If a line has no label before it, where others have one, or several.
    """
    lines = split_lines(text)
    pattern = find_pattern([line for _, line in lines])
    if pattern is None:
        return ["text"], [(f"line {number}", [line]) for number, line in lines]
    rows = []
    for number, line in lines:
        found = pattern.match(line)
        if found is None or (pattern is FASTTEXT and FASTTEXT.match(found["text"])):
            what = "no label" if found is None else "several labels"
            raise ValueError(f"{shown} has {what} before the text of line {number}, where other lines have one.")
        rows.append((f"line {number}", [found["text"], found["label"]]))
    return ["text", "label"], rows
