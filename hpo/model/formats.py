"""How answers are written: a table for people, CSV or JSON lines for programs.

One row at a time, so that a long file needs no more memory than a short one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from hpo.machine.escaping import printable
from hpo.model.answers import Answer

FORMATS = ("table", "csv", "jsonl")
TEXT_WIDTH, PLACE_WIDTH, MAX_LABEL_WIDTH = 60, 12, 24

Row = Callable[[str, str, Answer], str]


def row_writer(name: str, classes: Sequence[str]) -> tuple[str, Row]:
    """Returns the heading of a format, line end included, and what makes a line of (place, text, answer).

    Raises:
        ValueError: If there is no such format.
    """
    match name:
        case "table":
            return _table(classes)
        case "csv":
            columns = ["place", "label", "probability", "note", *(f"probability.{name}" for name in classes), "text"]
            return _csv_line(columns), lambda place, text, answer: _csv_row(place, text, answer, classes)
        case "jsonl":
            return "", lambda place, text, answer: _json_line(place, text, answer, classes)
        case _:
            raise ValueError(f"format={name} is unknown; allowed are {', '.join(FORMATS)}.")


def label_of(answer: Answer, classes: Sequence[str]) -> str | None:
    """Returns the most probable class, the first of equals; None where there is no answer."""
    return None if answer.probabilities is None else classes[int(answer.probabilities.argmax())]


def _table(classes: Sequence[str]) -> tuple[str, Row]:
    width = min(MAX_LABEL_WIDTH, max(len("label"), *(len(printable(name)) for name in classes)))

    def row(place: str, text: str, answer: Answer) -> str:
        label = label_of(answer, classes)
        shown = "" if answer.probabilities is None else f"{answer.probabilities.max():.4f}"
        note = f"  ({answer.note})" if answer.note else ""
        cells = f"{_cut(label or '-', width):<{width}}  {shown:>11}  {place:<{PLACE_WIDTH}}  {_cut(text, TEXT_WIDTH)}"
        return f"{cells}{note}\n"

    return f"{'label':<{width}}  probability  {'':<{PLACE_WIDTH}}  text\n", row


def _cut(text: str, width: int) -> str:
    line = printable(" ".join(text[: 4 * width].split()))
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _csv_row(place: str, text: str, answer: Answer, classes: Sequence[str]) -> str:
    if answer.probabilities is None:
        return _csv_line([place, "", "", answer.note, *("" for _ in classes), _encodable(text)])
    values = [repr(float(value)) for value in answer.probabilities]
    best = repr(float(answer.probabilities.max()))
    return _csv_line([place, label_of(answer, classes) or "", best, answer.note, *values, _encodable(text)])


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)  # it quotes fields with \r or \n only where it ends lines by both
    return line.getvalue().removesuffix("\r\n") + "\n"


def _json_line(place: str, text: str, answer: Answer, classes: Sequence[str]) -> str:
    found = answer.probabilities
    content = {
        "place": place,
        "label": label_of(answer, classes),
        "probability": None if found is None else float(found.max()),
        "note": answer.note,
        "probabilities": None if found is None else dict(zip(classes, map(float, found), strict=True)),
        "text": _encodable(text),
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _encodable(text: str) -> str:
    """Returns `text` with bytes that are none replaced, as they could not be written."""
    return text.encode("utf-8", "replace").decode()
