"""Texts of data=table: the columns of a CSV, TSV or Parquet file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpo.config.limits import MISSING, share
from hpo.config.registry import option
from hpo.config.schema import DataConfig, quiet
from hpo.data.delimited import Row, decode, find_column, read_csv, read_tsv
from hpo.data.folder import UNLABELLED
from hpo.data.sources import OnRead, Source
from hpo.data.texts import PARTS, Texts, check_labels
from hpo.machine.paths import as_name, expanded

MAX_SHOWN = 80  # characters of a value that errors show


@option("data", "table")
@dataclass
class TableConfig(DataConfig):
    path: str = MISSING
    encoding: str = MISSING
    text_column: str = MISSING
    label_column: str = MISSING
    split_column: str | None = None
    test: float = share()

    @property
    def subject(self) -> str:
        return as_name(Path(self.path).stem)

    def open(self, on_download: OnRead = quiet) -> Source:
        path = existing_file(self)
        status = path.stat()

        def read(on_read: OnRead) -> Texts:
            texts = read_table(self)
            on_read(1, 1)
            return texts

        signature = {"file": (str(path), status.st_size, status.st_mtime_ns)}
        return Source(kind=self.option, shown=f"data.path={self.path}", signature=signature, read=read)

    def open_unlabelled(self) -> Source | None:
        if self.split_column is None:
            return None
        return replace(self.open(), read=lambda _: read_unlabelled_rows(self))


@dataclass(frozen=True)
class Columns:
    """A table's columns by name, and where each row was found."""

    values: Mapping[str, Sequence[object]]
    places: Sequence[str]


def read_table(config: TableConfig) -> Texts:
    """Returns the texts of the file `data.path`; its suffix says what it is.

    Labels may be of any type and become class names by `str`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read as its suffix says, or a column or a value is missing.
    """
    columns = _rows(config, are_unlabelled=False)
    texts = ["" if value is None else value for value in columns.values[config.text_column]]
    for text, place in zip(texts, columns.places, strict=True):
        if not isinstance(text, str):
            raise ValueError(
                f"data.text_column={config.text_column} holds {_shortened(text)} in {place}, which is no text; "
                "name the column of texts or convert it."
            )
    return Texts(
        texts=[text for text in texts if isinstance(text, str)],
        labels=_labels(columns, config),
        places=columns.places,
        given=_given(columns, config.split_column) if config.split_column is not None else None,
    )


def read_unlabelled_rows(config: TableConfig) -> Texts:
    """Returns the texts of the rows whose split is "unlabelled"; their labels are empty."""
    columns = _rows(config, are_unlabelled=True)
    texts = [text if isinstance(text, str) else "" for text in columns.values[config.text_column]]
    return Texts(texts=texts, labels=[""] * len(texts), places=columns.places)


def existing_file(config: TableConfig) -> Path:
    """Returns `data.path` as an absolute path.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is a folder, or `data.split_column` is "", which is neither a column nor null.
    """
    if config.split_column == "":
        raise ValueError("data.split_column is empty; name a column that says train, valid or test, or give null.")
    path = expanded(config.path).absolute()
    if not path.exists():
        raise FileNotFoundError(f"data.path={config.path} does not exist; give a .csv, .tsv or .parquet file.")
    if path.is_dir():
        raise ValueError(f"data.path={config.path} is a folder; give a file, or use data=folder for class folders.")
    return path


def _rows(config: TableConfig, *, are_unlabelled: bool) -> Columns:
    """Returns the columns of the rows that have a label to be, or of the others."""
    columns = _read_columns(existing_file(config), config)
    if config.split_column is None:
        return columns
    splits = columns.values[config.split_column]
    kept = [row for row, split in enumerate(splits) if (split == UNLABELLED) is are_unlabelled]
    return Columns(
        values={name: [values[row] for row in kept] for name, values in columns.values.items()},
        places=[columns.places[row] for row in kept],
    )


def _read_columns(path: Path, config: TableConfig) -> Columns:
    shown = f"data.path={config.path}"
    match path.suffix.lower():
        case ".csv" | ".tsv" as suffix:
            text = decode(path.read_bytes(), config.encoding, shown=shown)
            read = read_csv if suffix == ".csv" else read_tsv
            return _columns(read(text, shown=shown), config)
        case ".parquet":
            return _read_parquet(path, config)
        case suffix:
            raise ValueError(f"{shown} ends in {suffix!r}; allowed are .csv, .tsv and .parquet.")


def _columns(rows: Sequence[Row], config: TableConfig) -> Columns:
    names = list(rows[0].fields) if rows else []
    _check_names(names, config)
    return Columns(
        values={name: [row.fields[names.index(name)] for row in rows[1:]] for name in _wanted(config)},
        places=[f"line {row.line}" for row in rows[1:]],
    )


def _read_parquet(path: Path, config: TableConfig) -> Columns:
    from pyarrow import ArrowInvalid, parquet

    try:
        file = parquet.ParquetFile(path)
        _check_names(file.schema_arrow.names, config)
        table = file.read(columns=list(_wanted(config)))
    except ArrowInvalid as error:
        raise ValueError(f"data.path={config.path} is no readable Parquet file ({error}); write it anew.") from error
    return Columns(
        values={name: _values(table.column(name), setting, config) for name, setting in _wanted(config).items()},
        places=[f"row {i + 1}" for i in range(table.num_rows)],
    )


def _values(column: Any, setting: str, config: TableConfig) -> list[object]:
    """Returns the values of a column of Arrow, whose texts may hold any bytes."""
    values: list[object] = []
    try:
        for value in column:
            values.append(value.as_py())
    except UnicodeDecodeError as error:
        raise ValueError(
            f"data.path={config.path} is not UTF-8 throughout: {setting}={getattr(config, setting.partition('.')[2])} "
            f"has byte 0x{error.object[error.start]:02x} in row {len(values) + 1}; write the file anew with texts of "
            "UTF-8."
        ) from error
    return values


def _wanted(config: TableConfig) -> dict[str, str]:
    """Returns the config path of each column to read."""
    if config.text_column == config.label_column:
        raise ValueError(f"data.text_column and data.label_column are both {config.text_column!r}; name two columns.")
    wanted = {config.text_column: "data.text_column", config.label_column: "data.label_column"}
    if config.split_column is not None:
        wanted[config.split_column] = "data.split_column"
    return wanted


def _check_names(names: Sequence[str], config: TableConfig) -> None:
    for name, setting in _wanted(config).items():
        find_column(names, name, setting=setting, shown=f"data.path={config.path}")


def _labels(columns: Columns, config: TableConfig) -> list[str]:
    values = columns.values[config.label_column]
    missing = [place for value, place in zip(values, columns.places, strict=True) if _is_missing(value)]
    if missing:
        raise ValueError(
            f"data.label_column={config.label_column} has {len(missing)} missing labels, the first in {missing[0]}; "
            "fill them or leave those rows out."
        )
    for value, place in zip(values, columns.places, strict=True):
        if isinstance(value, list | tuple | dict):
            raise ValueError(
                f"data.label_column={config.label_column} holds {_shortened(value)} in {place}, which is no single "
                "label; give one label a text, as a number or a text."
            )
    labels = [str(value) for value in values]
    check_labels(labels, columns.places, shown=f"data.label_column={config.label_column} of data.path={config.path}")
    return labels


def _shortened(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"


def _is_missing(value: object) -> bool:
    return value is None or value == "" or value != value


def _given(columns: Columns, split_column: str) -> list[str]:
    values = [str(value) for value in columns.values[split_column]]
    for value, place in zip(values, columns.places, strict=True):
        if value not in PARTS:
            raise ValueError(
                f"data.split_column={split_column} holds {value!r} in {place}; allowed are train, valid, test, "
                "unlabelled."
            )
    return values
