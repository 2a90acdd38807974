"""CSV files of trials as rows of text by column, each row with where it stands.

What the texts mean is `csv_words`' and `csv`' business.
"""

from __future__ import annotations

import difflib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.data.delimited import Row, decode, read_csv
from hpo.machine.escaping import FORMULA_STARTS

REQUIRED = ("experiment", "task", "strategy", "seed", "trial", "value", "state", "epochs", "seconds")
OPTIONAL = ("test", "direction", "metric", "ended_s", "reason", "continued")
PARAM = "param."
DELIMITERS = ",;\t|"
MAX_SHOWN = 60  # characters of what stands where the name of a column should be


@dataclass(frozen=True)
class TrialRow:
    """One row: its texts by column, and its place as errors show it."""

    texts: Mapping[str, str]
    place: str

    def __getitem__(self, column: str) -> str:
        return self.texts.get(column, "")


def read_rows(path: Path) -> tuple[list[TrialRow], list[str]]:
    """Returns the rows of a file, and its columns that nothing reads.

    Raises:
        ValueError: if it is no CSV file of trials, in one sentence.
    """
    shown = f"records={path}"
    rows = _read(_text(path, shown), shown)
    if not rows:
        raise ValueError(f"{shown} is empty; its first line names the columns {', '.join(REQUIRED)}.")
    header = [_column(name) for name in rows[0].fields]
    _check_header(header, shown)
    trials = [
        TrialRow(dict(zip(header, (_field(field) for field in row.fields), strict=True)), f"{shown} line {row.line}")
        for row in rows[1:]
        if any(_field(field) for field in row.fields)
    ]
    if not trials:
        raise ValueError(f"{shown} has a header and no rows; a row is a trial.")
    unread = [name for name in header if name and name not in REQUIRED + OPTIONAL and not name.startswith(PARAM)]
    return trials, unread


def _field(text: str) -> str:
    """Returns a field without spaces around, and without the apostrophe that keeps a spreadsheet from computing it."""
    text = text.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def _text(path: Path, shown: str) -> str:
    """Returns a file's text: UTF-8, or UTF-16 if it begins with the mark of it."""
    if path.is_dir():
        raise ValueError(f"{shown} is a folder; give a CSV file, or a list as in 'records=[a.csv,b.csv]'.")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{shown} does not exist; give a CSV file.") from None
    except OSError as error:
        raise ValueError(f"{shown} cannot be read: {error.strerror}.") from error
    encoding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8"
    text = decode(content, encoding, shown=shown, setting="")
    if "\0" in text:
        raise ValueError(f"{shown} is no text file; give a CSV file in UTF-8.")
    return text


def _read(text: str, shown: str) -> list[Row]:
    """Returns the rows, split where the header has most columns that are known."""
    header = text.lstrip().splitlines()[0] if text.strip() else ""
    delimiter = max(DELIMITERS, key=lambda each: _n_known(header, each))
    return [
        row for row in read_csv(text, shown=shown, delimiter=delimiter) if any(field.strip() for field in row.fields)
    ]


def _n_known(header: str, delimiter: str) -> int:
    return sum(_column(name.strip().strip('"')) in REQUIRED for name in header.split(delimiter))


def _column(name: str) -> str:
    """Returns a column's name as it is known here: without spaces around, ours in lower case."""
    stripped = name.strip()
    lowered = stripped.casefold()
    if lowered in REQUIRED + OPTIONAL:
        return lowered
    return PARAM + stripped[len(PARAM) :] if lowered.startswith(PARAM) else stripped


def _short(name: str) -> str:
    return name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…"


def _check_header(header: Sequence[str], shown: str) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        close = [(name, difflib.get_close_matches(name, header, n=1)) for name in missing]
        hints = ", ".join(f"{found[0]} be {name}" for name, found in close if found)
        raise ValueError(
            f"{shown} has no column {', '.join(missing)}; it has {', '.join(map(_short, header))}"
            + (f" (should {hints}?)." if hints else ".")
        )
    doubles = sorted({name for name in header if name and header.count(name) > 1})
    if doubles:
        raise ValueError(f"{shown} has the column {', '.join(doubles)} twice; remove one of them.")
