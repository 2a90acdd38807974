"""Files of texts to be classified, read row by row, however long they are.

A row that holds no text stays in its place; what is answered is `answers`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hpo.data.column_names import find_column, find_usual
from hpo.data.tabular import Reading, open_tabular


@dataclass(frozen=True)
class TextRow:
    """One text and where it was found: "line 12", "row 3"."""

    place: str
    text: str


def read_rows(path: Path, column: str, reading: Reading) -> Iterator[TextRow]:
    """Yields the texts of a file.

    Bytes that are no text in its encoding are kept as lone surrogates, so that they can be told from text.

    Args:
        path: The file.
        column: That of texts; "" finds one with a usual name.
        reading: How the file is to be read.

    Raises:
        ValueError: If the file is not there, cannot be read, or has no such column; while it is read.
    """
    shown = str(path)
    try:
        with open_tabular(path, reading, shown=shown) as tabular:
            names, encoding = tabular.names, f"{reading.prefix}encoding"
            if column:
                chosen = find_column(names, column, setting="column", shown=shown, encoding=encoding)
            else:
                chosen = find_usual(names, "text", setting="column", shown=shown, encoding=encoding)
            for place, (value,) in tabular.rows([chosen]):
                yield TextRow(place, _text(value, place, names[chosen], shown))
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error


def _text(value: object, place: str, column: str, shown: str) -> str:
    if value is None or value != value:
        return ""
    if type(value) in (int, float):  # what a spreadsheet makes of "1776"
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"column={column} of {shown} holds {value!r} in {place}, which is no text.")
    return value
