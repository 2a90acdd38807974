"""Delimited files (CSV, TSV) as rows of fields, each row with the line it begins on, and what separates the fields.

What the columns mean is the business of those who read them: `table`, `model.texts_file`, `report.reading`.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

SIGNS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "upright strokes"}  # what may separate columns
SPELLED = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
SEP_LINE = re.compile(r'\s*"?sep=(?P<sign>[^\r\n])"?[\s,;|]*', re.IGNORECASE)  # Excel's first line
N_HEAD = 60  # lines that are looked at to tell what separates columns
csv.field_size_limit(sys.maxsize)  # else 131,072 characters
ORANGE_TYPES = {"", "d", "discrete", "c", "continuous", "s", "string", "t", "time"}
ORANGE_ROLES = {"class", "meta", "ignore", "i", "m", "c"}
FIELD = re.compile(r'(?:"[^"]*(?:""[^"]*)*"|[^"\t\r\n]*)(?:\t|\r\n|\n|\r|\Z)')


@dataclass(frozen=True)
class Row:
    """The fields of one row, and its first line's number from 1."""

    line: int
    fields: Sequence[str]


def read_csv(text: str, *, shown: str, delimiter: str = ",") -> Iterator[Row]:
    """Returns the rows of a CSV file, header first, quoted as RFC 4180 says.

    Args:
        text: The file's text.
        shown: What errors call it.
        delimiter: What is between two fields.

    Raises:
        ValueError: If the quoting is broken or a row has not as many fields as the header.
    """
    return _even_rows(_quoted_rows(io.StringIO(text, newline=""), delimiter, shown), shown, delimiter)


def read_delimited(
    lines: Iterable[str], *, shown: str, wanted: Collection[str] = (), delimiter: str | None = None, usual: str = ","
) -> Iterator[Row]:
    """Yields the rows of a file while it is read, header first; blanks around the header's names are left out.

    Args:
        lines: The file's lines, with their ends.
        shown: What errors call it.
        wanted: Names of columns, in small letters; what separates most of them in the header separates columns.
        delimiter: What is between two fields; None: Excel's `sep=` line says it, or it is found.
        usual: What it is where nothing tells.

    Raises:
        ValueError: As `read_csv`.
    """
    lines = iter(lines)
    head = list(itertools.islice(_without_mark(lines), N_HEAD))
    named = SEP_LINE.fullmatch(head[0]) if head else None
    first = 2 if named else 1
    head = head[1:] if named else head
    delimiter = delimiter or (named["sign"] if named else find_delimiter(head, wanted, usual=usual))
    if delimiter == "\t":
        found: Iterable[Row] = read_tsv("".join(itertools.chain(head, lines)), shown=shown, first=first)
    else:
        padded = re.search(rf"{re.escape(delimiter)}[^ ]", head[0].rstrip()) is None if head else False
        quoted = _quoted_rows(itertools.chain(head, lines), delimiter, shown, first=first, is_padded=padded)
        found = _even_rows(quoted, shown, delimiter)
    for number, row in enumerate(found):
        yield row if number else Row(row.line, [name.strip() for name in row.fields])


def without_types(rows: Iterator[Row]) -> Iterator[Row]:
    """Yields the rows below a header but the two in which a file of Orange says the types and the roles of columns."""
    first = list(itertools.islice(rows, 2))
    fields = [[field.strip() for field in row.fields] for row in first]
    is_typed = len(fields) == 2 and any(fields[0]) and {*fields[0]} <= ORANGE_TYPES
    if not (is_typed and all(word in ORANGE_ROLES or "=" in word for field in fields[1] for word in field.split())):
        yield from first
    yield from rows


def spelled(delimiter: str | None, *, setting: str) -> str | None:
    """Returns what a delimiter that was typed means: `\\t` is a tab.

    Raises:
        ValueError: If it is no single character, or one that separates nothing.
    """
    if delimiter is None:
        return None
    sign = SPELLED.get(delimiter, delimiter)
    if len(sign) != 1 or sign in '"\r\n':
        raise ValueError(f"{setting}={delimiter!r} is no single character; give ',', ';', '|' or tab.")
    return sign


def find_delimiter(head: Sequence[str], wanted: Collection[str] = (), *, usual: str = ",") -> str:
    """Returns what separates the columns of a file.

    That is the sign that separates most of the wanted names in the header, then one that gives each row as many fields
    as the header has, the more the better.
    """
    scores = {sign: _score(head, sign, wanted) for sign in sorted(SIGNS, key=lambda sign: sign != usual)}
    return max(scores, key=lambda sign: scores[sign])


def _score(head: Sequence[str], sign: str, wanted: Collection[str]) -> tuple[int, int]:
    rows = [fields for fields in csv.reader(head, delimiter=sign) if fields]
    rows = rows[:-1] if len(head) == N_HEAD else rows  # the last may be cut off
    if not rows:
        return 0, 0
    is_even = len(rows[0]) > 1 and all(len(fields) == len(rows[0]) for fields in rows)
    return len({name.strip().casefold() for name in rows[0]} & set(wanted)), is_even * len(rows[0])


def read_tsv(text: str, *, shown: str, first: int = 1) -> list[Row]:
    """Returns the rows of a TSV file, header first, whether or not its writer quotes fields.

    Two readings are tried. The plain one splits lines at tabs and takes quotes for text. The quoted
    one exists if quotes occur only as a writer of CSV sets them: around a whole field, doubled
    inside. A reading counts if all its rows have as many fields as the header. If both count, the
    quoted one is taken unless it joins lines: text with a stray quote must never swallow the next.

    Raises:
        ValueError: If neither reading counts.
    """
    plain = _plain_rows(text, first)
    if _is_well_quoted(text):
        quoted = [row for row in _quoted_rows(io.StringIO(text, newline=""), "\t", shown, first=first) if row.fields]
        if _are_even(quoted) and (len(quoted) == len(plain) or not _are_even(plain)):
            return quoted
    return list(_even_rows(plain, shown, "\t"))


def _plain_rows(text: str, first: int) -> list[Row]:
    lines = (line.removesuffix("\r") for line in text.split("\n" if "\n" in text else "\r"))
    return [Row(number, line.split("\t")) for number, line in enumerate(lines, start=first) if line]


def _is_well_quoted(text: str) -> bool:
    position = 0
    while position < len(text):
        field = FIELD.match(text, position)
        if field is None:
            return False
        position = field.end()
    return True


def _quoted_rows(
    lines: Iterable[str], delimiter: str, shown: str, *, first: int = 1, is_padded: bool = False
) -> Iterator[Row]:
    """Yields the rows in `lines`, those of blank ones without fields; `first` is the number of the first line."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=is_padded)
    line = first
    try:
        for fields in reader:
            yield Row(line, fields)
            line = reader.line_num + first
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


def _even_rows(rows: Iterable[Row], shown: str, delimiter: str) -> Iterator[Row]:
    """Yields the rows that have as many fields as the first; blank lines are left out where it has several."""
    width = 0
    for row in rows:
        row = Row(row.line, [""]) if width == 1 and not row.fields else row
        if not row.fields:
            continue
        width = width or len(row.fields)
        if len(row.fields) != width:
            signs = SIGNS.get(delimiter, repr(delimiter))
            raise ValueError(
                f"{shown} has {len(row.fields)} fields in line {row.line} and {width} in its header, separated by "
                f"{signs}; give every row as many fields as the header, with quotes around those that hold {signs}."
            )
        yield row
