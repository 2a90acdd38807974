"""Files of texts to be classified, read row by row, however long they are.

A row that holds no text stays in its place; what is answered is `answers`'s business.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    csv.field_size_limit(sys.maxsize)
    try:
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            reader = csv.reader(_without_mark(file), strict=True)
            names = next(reader, [])
            at = _find(names, column, path)
            line = reader.line_num + 1
            for fields in reader:
                if not fields and len(names) == 1:
                    yield TextRow(f"line {line}", "")
                elif fields:
                    if len(fields) != len(names):
                        raise ValueError(
                            f"{path} has {len(fields)} fields in line {line} and {len(names)} in its header; give "
                            "every row as many fields as the header."
                        )
                    yield TextRow(f"line {line}", fields[at])
                line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path} is not well-formed near line {reader.line_num} ({error}); quote every field that holds a quote, a "
            "comma or a line break, and double the quotes inside."
        ) from error
    except LookupError as error:
        raise ValueError(f"encoding={encoding} is no encoding Python knows; use utf-8, latin-1 or cp1252.") from error
    except UnicodeError as error:
        raise ValueError(
            f"{path} is not {encoding} throughout; give another encoding=…, as in encoding=utf-8."
        ) from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from error


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Yields the lines of a file; a byte order mark before a quote would make the quote one of the first name."""
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")


def _read_parquet(path: Path, column: str) -> Iterator[TextRow]:
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            _find(file.schema_arrow.names, column, path)
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


def _find(names: list[str], column: str, path: Path) -> int:
    if names.count(column) != 1:
        there = ", ".join(repr(name[:40]) for name in names[:20]) or "none"
        advice = "give another column=…" if names else "give a file whose first row names its columns"
        if any(not char.isprintable() for name in names for char in name):
            advice = "give the file's encoding=…, as in encoding=utf-16"
        raise ValueError(f"column={column} must be exactly one column of {path}; it has {there}; {advice}.")
    return names.index(column)
