"""How answers are written: a table for people, CSV or JSON lines for programs.

One row at a time, so that a long file needs no more memory than a short one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence

from hpo.machine.escaping import for_spreadsheet, printable
from hpo.model.answer import Answer

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
            heading = _csv_line(["place", *Answer(None).cells(classes), "text"])
            return heading, lambda place, text, answer: _csv_line([place, *answer.cells(classes).values(), text])
        case "jsonl":
            return "", lambda place, text, answer: _json_line(place, text, answer, classes)
        case _:
            raise ValueError(f"format={name} is unknown; allowed are {', '.join(FORMATS)}.")


def _table(classes: Sequence[str]) -> tuple[str, Row]:
    width = min(MAX_LABEL_WIDTH, max(len("label"), *(len(printable(name)) for name in classes)))

    def row(place: str, text: str, answer: Answer) -> str:
        label, probability, *_ = answer.cells(classes).values()
        number = "" if probability is None else f"{probability:.4f}"
        note = f"  ({answer.note})" if answer.note else ""
        start = f"{_cut(str(label or '-'), width):<{width}}  {number:>11}  {place:<{PLACE_WIDTH}}"
        return f"{start}  {_cut(text, TEXT_WIDTH)}{note}\n"

    return f"{'label':<{width}}  probability  {'':<{PLACE_WIDTH}}  text\n", row


def _cut(text: str, width: int) -> str:
    line = printable(" ".join(text[: 4 * width].split()))
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _csv_line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    cells = [for_spreadsheet(cell) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(line).writerow(cells)  # it quotes fields with \r or \n only where it ends lines by both
    return line.getvalue().removesuffix("\r\n") + "\n"


def _json_line(place: str, text: str, answer: Answer, classes: Sequence[str]) -> str:
    label, probability, note, *probabilities = answer.cells(classes).values()
    content = {
        "place": place,
        "label": label,
        "probability": probability,
        "note": note,
        "probabilities": None if label is None else dict(zip(classes, probabilities, strict=True)),
        "text": _encodable(text),
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _encodable(text: str) -> str:
    """Returns `text` with bytes that are none replaced, as they could not be written."""
    return text.encode("utf-8", "replace").decode()
