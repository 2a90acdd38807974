"""CSV and TSV files as rows of fields, each row with the line it begins on."""

from __future__ import annotations

import csv
import io
import re
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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
    rows = list(_quoted_rows(text, delimiter, shown))
    _check_widths(rows, shown)
    return rows


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
        quoted = list(_quoted_rows(text, "\t", shown))
        if _are_even(quoted) and (len(quoted) == len(plain) or not _are_even(plain)):
            return quoted
    _check_widths(plain, shown)
    return plain


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


def _quoted_rows(text: str, delimiter: str, shown: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    with _long_fields():
        try:
            for fields in reader:
                if fields:
                    yield Row(line, fields)
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(
                f"{shown} is not well-formed from line {line} on ({error}); quote every field that holds a quote, "
                "a delimiter or a line break, and double the quotes inside."
            ) from error


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lifts csv's limit of 131,072 characters a field."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _are_even(rows: Sequence[Row]) -> bool:
    return all(len(row.fields) == len(rows[0].fields) for row in rows)


def _check_widths(rows: Sequence[Row], shown: str) -> None:
    for row in rows:
        if len(row.fields) != len(rows[0].fields):
            raise ValueError(
                f"{shown} has {len(row.fields)} fields in line {row.line} and {len(rows[0].fields)} in its header; "
                "give every row as many fields as the header."
            )


SUGGESTED = ("cp1252", "latin-1", "utf-8")


def decode(content: bytes, encoding: str, *, shown: str) -> str:
    """Returns the text of a file; a byte order mark is no part of it, line ends stay as they are.

    Args:
        content: The file's bytes.
        encoding: Any name Python knows.
        shown: What errors call the file: "data.path=reviews.csv".

    Raises:
        ValueError: If there is no such encoding or the bytes are not in it.
    """
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(_undecodable(content, encoding, error, shown)) from error
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"data.encoding={encoding!r} is no text encoding Python knows; use utf-8, latin-1, cp1252 or utf-16."
        ) from error


def _undecodable(content: bytes, encoding: str, error: UnicodeDecodeError, shown: str) -> str:
    line = content.count(b"\n", 0, error.start) + 1
    is_utf16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    suggested = ("utf-16",) if is_utf16 else SUGGESTED
    others = [f"data.encoding={name}" for name in suggested if name != encoding.lower()] or ["another data.encoding"]
    return (
        f"{shown} is not {encoding} throughout: line {line} has byte 0x{content[error.start]:02x} "
        f"(byte {error.start + 1:,} of the file); try {' or '.join(others[:2])}, or convert the file."
    )
