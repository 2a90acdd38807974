"""Delimited files (CSV, TSV) as rows of fields, each row with the line it begins on, and the text of their bytes.

What the columns mean is the business of those who read them: `table`, `model.texts_file`, `report.reading`.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SUGGESTED = ("cp1252", "latin-1", "utf-8")
MAX_NAME, MAX_NAMES = 40, 20  # characters and columns of a header that errors show
SIGNS = {";": "semicolons", "\t": "tabs", ",": "commas", "|": "upright strokes"}  # what may separate columns
UNNAMED = "give a file whose first row names its columns"
FIELD = re.compile(r'(?:"[^"]*(?:""[^"]*)*"|[^"\t\r\n]*)(?:\t|\r\n|\n|\r|\Z)')


@dataclass(frozen=True)
class Row:
    """The fields of one row, and its first line's number from 1."""

    line: int
    fields: Sequence[str]


def read_csv(text: str, *, shown: str, delimiter: str = ",") -> list[Row]:
    """Returns the rows of a CSV file, header first, quoted as RFC 4180 says.

    Args:
        text: The file's text.
        shown: What errors call it.
        delimiter: What is between two fields.

    Raises:
        ValueError: If the quoting is broken or a row has not as many fields as the header.
    """
    return list(_even_rows(_quoted_rows(io.StringIO(text, newline=""), delimiter, shown), shown))


def stream_csv(path: Path, encoding: str, *, setting: str) -> Iterator[Row]:
    """Yields the rows of a CSV file while it is read, header first, as `read_csv` returns them.

    Bytes that are no text in `encoding` are kept as lone surrogates, so that they can be told from text.

    Args:
        path: The file.
        encoding: Any name Python knows.
        setting: What errors call the encoding: "data.encoding".

    Raises:
        ValueError: As `read_csv`, or if there is no such encoding or the file as a whole is not in it.
        OSError: If it cannot be read.
    """
    shown = str(path)
    try:
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
            yield from _even_rows(_quoted_rows(_without_mark(file), ",", shown), shown)
    except LookupError as error:
        raise ValueError(_unknown_encoding(encoding, setting)) from error
    except UnicodeError as error:
        raise ValueError(f"{shown} is not {encoding} throughout; {_advice(encoding, setting, SUGGESTED)}") from error


def read_tsv(text: str, *, shown: str) -> list[Row]:
    """Returns the rows of a TSV file, header first, whether or not its writer quotes fields.

    Two readings are tried. The plain one splits lines at tabs and takes quotes for text. The quoted
    one exists if quotes occur only as a writer of CSV sets them: around a whole field, doubled
    inside. A reading counts if all its rows have as many fields as the header. If both count, the
    quoted one is taken unless it joins lines: text with a stray quote must never swallow the next.

    Raises:
        ValueError: If neither reading counts.
    """
    plain = _plain_rows(text)
    if _is_well_quoted(text):
        quoted = [row for row in _quoted_rows(io.StringIO(text, newline=""), "\t", shown) if row.fields]
        if _are_even(quoted) and (len(quoted) == len(plain) or not _are_even(plain)):
            return quoted
    return list(_even_rows(plain, shown))


def _plain_rows(text: str) -> list[Row]:
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return [Row(number, line.split("\t")) for number, line in enumerate(lines, start=1) if line]


def _is_well_quoted(text: str) -> bool:
    position = 0
    while position < len(text):
        field = FIELD.match(text, position)
        if field is None:
            return False
        position = field.end()
    return True


def _quoted_rows(lines: Iterable[str], delimiter: str, shown: str) -> Iterator[Row]:
    """Yields the rows in `lines`, those of blank ones without fields."""
    csv.field_size_limit(sys.maxsize)  # else 131,072 characters
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            yield Row(line, fields)
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{shown} is not well-formed from line {line} on ({error}); quote every field that holds a quote, "
            "a delimiter or a line break, and double the quotes inside."
        ) from error


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    """Yields the lines of a file; a byte order mark before a quote would make the quote one of the first name."""
    for number, line in enumerate(lines):
        yield line if number else line.removeprefix("\ufeff")


def _are_even(rows: Sequence[Row]) -> bool:
    return all(len(row.fields) == len(rows[0].fields) for row in rows)


def _even_rows(rows: Iterable[Row], shown: str) -> Iterator[Row]:
    """Yields the rows that have as many fields as the first; blank lines are left out where it has several."""
    width, separated = 0, ""
    for row in rows:
        row = Row(row.line, [""]) if width == 1 and not row.fields else row
        if not row.fields:
            continue
        if not width:
            width, separated = len(row.fields), _otherwise_separated(row.fields)
        if len(row.fields) != width:
            raise ValueError(
                f"{shown} has {len(row.fields)} fields in line {row.line} and {width} in its header; "
                f"{separated or 'give every row as many fields as the header'}."
            )
        yield row


def find_column(names: Sequence[str], name: str, *, setting: str, shown: str, encoding: str | None = None) -> int:
    """Returns the place of a column in a table's header.

    Args:
        names: The header.
        name: The column's.
        setting: What errors call the choice of the column: "data.text_column".
        shown: What errors call the table.
        encoding: What errors call the choice of its encoding; None where it has none to choose.

    Raises:
        ValueError: If there is none of that name, or several.
    """
    if names.count(name) == 1:
        return names.index(name)
    separated = _otherwise_separated(names)
    columns = ", ".join(repr(other[:MAX_NAME]) for other in names[:MAX_NAMES])
    there = f"has the columns {columns}; give another {setting}=…" if names else f"is empty; {UNNAMED}"
    if encoding and not all(char.isprintable() for other in names for char in other):
        there = f"has the columns {columns}; give the file's {encoding}=…, as in {encoding}=utf-16"
    if separated:
        there = f"has the one column {columns}: {separated}"
    raise ValueError(f"{setting}={name} must be exactly one column of {shown}, which {there}.")


def _otherwise_separated(names: Sequence[str]) -> str:
    """Returns what to do with a file that another character separates than its name says; "" if none seems to."""
    header = names[0] if len(names) == 1 else ""
    sign = header[4:5] if header.lower().startswith("sep=") else next((sign for sign in SIGNS if sign in header), "")
    if not sign:
        return ""
    return (
        f"its columns seem to be separated by {SIGNS.get(sign, repr(sign))}; save it with commas between them, as .csv"
    )


def decode(content: bytes, encoding: str, *, shown: str, setting: str = "data.encoding") -> str:
    """Returns the text of a file; a byte order mark is no part of it, line ends stay as they are.

    Args:
        content: The file's bytes.
        encoding: Any name Python knows.
        shown: What errors call the file: "data.path=reviews.csv".
        setting: What errors call the encoding; "" where there is none to choose.

    Raises:
        ValueError: If there is no such encoding or the bytes are not in it.
    """
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        is_utf16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
        suggested = ("utf-16",) if is_utf16 else SUGGESTED
        raise ValueError(
            f"{shown} is not {encoding} throughout: line {line} has byte 0x{content[error.start]:02x} "
            f"(byte {error.start + 1:,} of the file); {_advice(encoding, setting, suggested)}"
        ) from error
    except (LookupError, ValueError) as error:
        raise ValueError(_unknown_encoding(encoding, setting)) from error


def _unknown_encoding(encoding: str, setting: str) -> str:
    return f"{setting}={encoding!r} is no text encoding Python knows; use utf-8, latin-1, cp1252 or utf-16."


def _advice(encoding: str, setting: str, suggested: Sequence[str]) -> str:
    if not setting:
        return "save it as UTF-8."
    others = [f"{setting}={name}" for name in suggested if name != encoding.lower()] or [f"another {setting}"]
    return f"try {' or '.join(others[:2])}, or convert the file."
