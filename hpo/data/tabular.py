"""Files of rows, of every kind: delimited, JSON, Excel, Parquet, lines; packed or not; their columns and rows.

Which file is read and what its columns mean is the business of those who read them: `table`, `model.texts_file`.
"""

from __future__ import annotations

import codecs
import io
import itertools
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any

from hpo.data.column_names import USUAL_NAMES, is_usual
from hpo.data.compressed import SUFFIXES as PACKED
from hpo.data.compressed import inner_name, open_unpacked
from hpo.data.delimited import find_delimiter, read_delimited, spelled, without_types
from hpo.data.encodings import decode, not_throughout, read_as_text
from hpo.data.json_rows import names_of, read_json
from hpo.data.labelled_lines import find_pattern, read_lines
from hpo.data.spreadsheet import read_sheet

KINDS = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".psv"), "delimited"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
    **dict.fromkeys((".xlsx", ".xlsm"), "excel"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".txt", ".text", ".label"), "lines"),
}
ALLOWED = ".csv, .tsv, .txt, .jsonl, .json, .parquet and .xlsx, each also packed (.gz, .bz2, .xz, .zst, .zip)"
USUAL_SIGN = {".tsv": "\t", ".tab": "\t", ".txt": "\t", ".psv": "|"}  # a comma elsewhere
OLD_EXCEL, LFS = b"\xd0\xcf\x11\xe0", b"version https://git-lfs"
N_ROWS = 500  # read at once from Parquet

Cells = tuple[str, Sequence[object]]  # where a row was found, and its values


@dataclass(frozen=True)
class Reading:
    """How a file is to be read; None: as it is found to be.

    Attributes:
        prefix: What stands before the names of these settings in errors: "data.", or nothing.
        encoding: Of text files that have no mark.
        delimiter: What separates columns.
        columns: The names of the columns of a file without a header row.
        sheet: Of Excel files.
        wanted: Columns that are asked for, beside those with usual names.
        is_strict: Whether bytes that are no text are refused; else they are kept as lone surrogates.
    """

    prefix: str = "data."
    encoding: str = "utf-8"
    delimiter: str | None = None
    columns: Sequence[str] | None = None
    sheet: str | None = None
    wanted: Collection[str] = ()
    is_strict: bool = True

    @property
    def names(self) -> frozenset[str]:
        """What columns may be called, in small letters."""
        return USUAL_NAMES | {name.casefold() for name in self.wanted}


@dataclass(frozen=True)
class Tabular:
    """A file that is open.

    Attributes:
        names: Of its columns.
        rows: Returns the rows that are left, with the values of the columns at the places given.
    """

    names: Sequence[str]
    rows: Callable[[Sequence[int]], Iterator[Cells]]


def is_table(path: Path) -> bool:
    """Returns whether a file's name is that of a table: neither of plain lines nor of anything else."""
    return _kind(PurePath(inner_name(path))) not in (None, "lines")


def open_tabular(path: Path, reading: Reading, *, shown: str) -> AbstractContextManager[Tabular]:
    """Opens a file of rows.

    Args:
        path: The file.
        reading: How it is to be read.
        shown: What errors call it: "data.path=reviews.csv".

    Raises:
        ValueError: In one sentence, when it is opened or while its rows are read.
        OSError: If it cannot be read.
    """
    return _opened(path, reading, shown)


@contextmanager
def _opened(path: Path, reading: Reading, shown: str) -> Iterator[Tabular]:
    with open_unpacked(path, shown=shown) as (file, name):
        start, file = _peeked(file)
        kind = _kind(PurePath(name))
        if kind is None and not reading.is_strict and _is_text(start, reading.encoding):
            kind = "lines"  # as rt-polarity.pos
        if kind is None:
            suffix = PurePath(name).suffix if path.suffix.lower() in PACKED else path.suffix
            raise ValueError(f"{shown} ends in {suffix.lower()!r}; allowed are {ALLOWED}.{_advice(suffix.lower())}")
        if start.startswith(LFS):
            raise ValueError(f"{shown} is a pointer of Git LFS, not the file itself; fetch it by git lfs pull.")
        if start.startswith(OLD_EXCEL):
            raise ValueError(
                f"{shown} is an old or encrypted Excel file; save it as .xlsx or .csv, without a password."
            )
        match "parquet" if start.startswith(b"PAR1") else kind:
            case "parquet":
                with _parquet(file, shown) as tabular:
                    yield tabular
            case "excel":
                yield _excel(file, reading, shown)
            case "json":
                rows = read_json(decode_all(file, reading, shown), shown=shown)
                names = names_of(rows)
                yield Tabular(names, lambda places: _picked(rows, [names[place] for place in places]))
            case "lines" if not reading.columns and not reading.delimiter:
                yield _lines(file, reading, shown, PurePath(name).suffix)
            case _:
                with _text(file, reading, shown) as lines:
                    yield _delimited(lines, reading, shown, PurePath(name).suffix)


def decode_all(file: IO[bytes], reading: Reading, shown: str) -> str:
    """Returns the whole text of a file."""
    if reading.is_strict:
        return decode(file.read(), reading.encoding, shown=shown, setting=f"{reading.prefix}encoding")
    with _text(file, reading, shown) as lines:
        return "".join(lines).removeprefix("\ufeff")


def _kind(name: PurePath) -> str | None:
    return KINDS.get(name.suffix.lower())


def _advice(suffix: str) -> str:
    other = {".xls": "an old Excel file", ".ods": "a spreadsheet"}.get(suffix)
    return f" Save {other} as .xlsx or .csv." if other else ""


def _peeked(file: IO[bytes]) -> tuple[bytes, IO[bytes]]:
    """Returns the first bytes of a file, and the file from its start."""
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)  # type: ignore[type-var]
    return buffered.peek(64)[:64], buffered


def _is_text(start: bytes, encoding: str) -> bool:
    """Returns whether a file that begins so is one of lines: of characters that are seen."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(start)
    except (LookupError, ValueError):
        return False
    return text.replace("\n", "").isprintable() and not start.startswith((b"%PDF", b"PK", b"{\\rtf"))


@contextmanager
def _text(file: IO[bytes], reading: Reading, shown: str) -> Iterator[Iterator[str]]:
    """Yields the lines of a file, with their ends."""
    setting = f"{reading.prefix}encoding"
    if reading.is_strict:
        yield iter(io.StringIO(decode(file.read(), reading.encoding, shown=shown, setting=setting), newline=""))
        return
    try:
        with read_as_text(file, reading.encoding, setting=setting) as text:
            yield iter(text)
    except UnicodeError as error:
        raise ValueError(not_throughout(shown, reading.encoding, setting)) from error


def _delimited(lines: Iterator[str], reading: Reading, shown: str, suffix: str) -> Tabular:
    rows = read_delimited(
        lines,
        shown=shown,
        wanted=reading.names,
        delimiter=spelled(reading.delimiter, setting=f"{reading.prefix}delimiter"),
        usual=USUAL_SIGN.get(suffix.lower(), ","),
    )
    header = next(rows, None)
    if header is None:
        return Tabular(list(reading.columns or ()), lambda _: iter(()))
    names, found = list(header.fields), without_types(rows)
    if reading.columns:
        names, found = list(reading.columns), itertools.chain([header], rows)
        _check_width(names, len(header.fields), reading, shown)
    return Tabular(names, lambda places: ((f"line {r.line}", [r.fields[i] for i in places]) for r in found))


def _lines(file: IO[bytes], reading: Reading, shown: str, suffix: str) -> Tabular:
    """Returns a file of lines: a table where the first is the header of one, else texts, with labels before them."""
    text = decode_all(file, reading, shown)
    head = list(itertools.islice(io.StringIO(text, newline=""), 60))
    sign = find_delimiter(head, reading.names, usual=USUAL_SIGN.get(suffix.lower(), ","))
    header = [name.strip().strip('"').casefold() for name in head[0].split(sign)] if head else []
    is_header = set(header) & reading.names and find_pattern(head) is None
    if is_header and (len(header) > 1 or is_usual(header)):
        return _delimited(iter(io.StringIO(text, newline="")), reading, shown, suffix)
    names, rows = read_lines(text, shown=shown)
    return Tabular(names, lambda places: ((place, [cells[i] for i in places]) for place, cells in rows))


def _excel(file: IO[bytes], reading: Reading, shown: str) -> Tabular:
    setting = f"{reading.prefix}sheet"
    rows = read_sheet(file, sheet=reading.sheet, wanted=reading.names, shown=shown, setting=setting)
    if reading.columns:
        names = list(reading.columns)
        _check_width(names, len(rows[0][1]) if rows else len(names), reading, shown)
    else:
        names, rows = [str(cell).strip() for cell in rows[0][1]] if rows else [], rows[1:]
    return Tabular(names, lambda places: ((f"row {number}", [cells[i] for i in places]) for number, cells in rows))


def _picked(rows: Sequence[tuple[str, dict[str, object]]], names: Sequence[str]) -> Iterator[Cells]:
    for place, values in rows:
        yield place, [values.get(name) for name in names]


def _check_width(names: Sequence[str], width: int, reading: Reading, shown: str) -> None:
    if len(names) != width:
        raise ValueError(
            f"{reading.prefix}columns={list(names)} names {len(names)} columns, and {shown} has {width}; name each."
        )


@contextmanager
def _parquet(file: IO[bytes], shown: str) -> Iterator[Tabular]:
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(file if file.seekable() else io.BytesIO(file.read())) as opened:
            names = list(opened.schema_arrow.names)
            yield Tabular([name.strip() for name in names], lambda places: _batches(opened, [names[i] for i in places]))
    except (ArrowException, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
        raise ValueError(f"{shown} is no readable Parquet file ({reason}); write it anew.") from error


def _batches(file: Any, names: Sequence[str]) -> Iterator[Cells]:
    number = 0
    classes = _class_names(file.schema_arrow.metadata or {})
    for batch in file.iter_batches(batch_size=N_ROWS, columns=list(names)):
        columns = [_named(_values(batch.column(name)), classes.get(name)) for name in names]
        for values in zip(*columns, strict=True):
            number += 1
            yield f"row {number}", values


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Returns what the numbers of columns stand for, where Hugging Face's datasets has written it into the file."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {name: list(map(str, what["names"])) for name, what in features.items() if "names" in what}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def _named(values: Iterator[object], names: Sequence[str] | None) -> Iterator[object]:
    """Yields the names of numbers that have one; -1 is theirs for no label."""
    for value in values:
        if names and isinstance(value, int) and -1 <= value < len(names):
            yield names[value] if value >= 0 else None
        else:
            yield value


def _values(cells: Any) -> Iterator[object]:
    """Yields the values of a column of Arrow; bytes that are no UTF-8, which it may hold, are kept as surrogates."""
    for cell in cells:
        try:
            yield cell.as_py()
        except UnicodeDecodeError as error:
            yield error.object.decode("utf-8", "surrogateescape")
