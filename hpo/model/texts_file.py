"""Files of texts to be classified, read row by row, however long they are.

A row that holds no text stays in its place; what is answered is `answers`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.data.delimited import Row, find_column, stream_csv

SUFFIXES = (".csv", ".parquet")
N_ROWS = 500  # read at once from Parquet


@dataclass(frozen=True)
class TextRow:
    """One text and where it was found: "line 12", "row 3"."""

    place: str
    text: str


def read_rows(path: Path, column: str, encoding: str) -> Iterator[TextRow]:
    """Yields the texts of a file.

    Bytes that are no text in `encoding` are kept as lone surrogates, so that they can be told from text.

    Raises:
        ValueError: If the file is not there, cannot be read, or has no such column; at once or while it is read.
    """
    shown = str(path)
    if not path.is_file():
        raise ValueError(f"{shown} is no file; give a .csv or .parquet file, or put a text in quotes.")
    match path.suffix.lower():
        case ".csv":
            return _read_csv(path, column, encoding)
        case ".parquet":
            return _read_parquet(path, column)
        case suffix:
            raise ValueError(f"{shown} ends in {suffix!r}; allowed are {' and '.join(SUFFIXES)}.")


def _read_csv(path: Path, column: str, encoding: str) -> Iterator[TextRow]:
    rows = stream_csv(path, encoding, setting="encoding")
    try:
        header = next(rows, Row(1, ()))
        place = find_column(header.fields, column, setting="column", shown=str(path), encoding="encoding")
        for row in rows:
            yield TextRow(f"line {row.line}", row.fields[place])
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error


def _read_parquet(path: Path, column: str) -> Iterator[TextRow]:
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            find_column(file.schema_arrow.names, column, setting="column", shown=str(path))
            number = 0
            for batch in file.iter_batches(batch_size=N_ROWS, columns=[column]):
                for value in _values(batch.column(0)):
                    number += 1
                    yield TextRow(f"row {number}", _text(value, number, column, path))
    except (ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
        raise ValueError(f"{path} is no readable Parquet file ({reason}).") from error


def _values(cells: Any) -> Iterator[object]:
    """Yields the values of a column of Arrow; bytes that are no UTF-8, which it may hold, are kept as surrogates."""
    for cell in cells:
        try:
            yield cell.as_py()
        except UnicodeDecodeError:
            yield cell.as_buffer().to_pybytes().decode("utf-8", "surrogateescape")


def _text(value: object, number: int, column: str, path: Path) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"column={column} of {path} holds {value!r} in row {number}, which is no text.")
    return value
