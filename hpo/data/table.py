"""Texts of data=table: columns of the rows of files of any kind, their parts named by files or by a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from hpo.config.limits import MISSING, share
from hpo.config.registry import option
from hpo.config.schema import DataConfig, quiet
from hpo.data.column_names import find_column, find_usual
from hpo.data.labels import shortened
from hpo.data.sources import OnRead, Source
from hpo.data.table_files import TableFile, find_table_files
from hpo.data.tabular import Reading, Tabular, open_tabular
from hpo.data.texts import PARTS, UNLABELLED, Texts
from hpo.machine.paths import as_name, expanded

TEXT, LABEL, SPLIT = "data.text_column", "data.label_column", "data.split_column"
GROUP = "data.group_column"


@option("data", "table")
@dataclass
class TableConfig(DataConfig):
    path: Any = MISSING
    encoding: str = MISSING
    delimiter: str | None = None
    columns: list[str] | None = None
    sheet: str | None = None
    text_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    group_column: str | None = None
    test: float = share()

    @property
    def subject(self) -> str:
        given = self.path
        if isinstance(given, Mapping):
            given = given.get("train", next(iter(given.values()), ""))
        first = given[0] if isinstance(given, list) and given else given
        path = expanded(str(first))
        return as_name(path.absolute().name if path.is_dir() else path.name.partition(".")[0])

    @property
    def reading(self) -> Reading:
        """How its files are to be read."""
        names = (self.text_column, self.label_column, self.split_column, self.group_column)
        return Reading(
            encoding=self.encoding,
            delimiter=self.delimiter,
            columns=self.columns,
            sheet=self.sheet,
            wanted=[name for name in names if name],
        )

    def open(self, on_download: OnRead = quiet) -> Source:
        files = labelled_files(self)
        return self._source(files, lambda on_read: read_table(self, on_read=on_read))

    def open_unlabelled(self) -> Source | None:
        files = all_files(self)
        if self.split_column is None and not any(file.part == UNLABELLED for file in files):
            return None
        return self._source(files, lambda _: read_unlabelled_rows(self))

    def _source(self, files: Sequence[TableFile], read: Any) -> Source:
        status = [(str(file.path), file.part, file.path.stat()) for file in files]
        signature = {"files": [(path, part, found.st_size, found.st_mtime_ns) for path, part, found in status]}
        return Source(kind=self.option, shown=_shown(self), signature=signature, read=read)


@dataclass(frozen=True)
class Columns:
    """Columns by the setting that names each, what they are called, and where each row was found."""

    values: Mapping[str, Sequence[object]]
    names: Mapping[str, str]
    places: Sequence[str]

    def shown(self, setting: str) -> str:
        """Returns what errors call a column: data.text_column=review."""
        return f"{setting}={self.names[setting]}"


def read_table(config: TableConfig, *, on_read: OnRead = quiet) -> Texts:
    """Returns the texts of the files of `data.path`.

    Labels are of any type; what is a class is decided where texts are checked.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read as its suffix says, or a column or a value is missing.
    """
    files = labelled_files(config)
    settings = [TEXT, LABEL, GROUP] if config.group_column is not None else [TEXT, LABEL]
    columns = _labelled(_read_all(files, config, settings, on_read))
    texts = ["" if _is_missing(value) else value for value in columns.values[TEXT]]
    if any(isinstance(text, str) and text for text in texts):  # numbers among texts, as a spreadsheet makes of "1776"
        texts = [str(text) if type(text) in (int, float) else text for text in texts]
    for text, place in zip(texts, columns.places, strict=True):
        if not isinstance(text, str):
            raise ValueError(
                f"{columns.shown(TEXT)} holds {shortened(text)} in {place}, which is no text; "
                "name the column of texts or convert it."
            )
    return Texts(
        texts=[text for text in texts if isinstance(text, str)],
        labels=columns.values[LABEL],
        labelled=columns.shown(LABEL),
        places=columns.places,
        given=_given(columns) if SPLIT in columns.values else None,
        groups=_groups(columns) if GROUP in columns.values else None,
    )


def read_unlabelled_rows(config: TableConfig) -> Texts:
    """Returns the texts of the rows, or of the files, whose part is "unlabelled"; their labels are empty."""
    files = [file for file in all_files(config) if file.part in (None, UNLABELLED)]
    columns = _read_all(files, config, [TEXT])
    rows = [row for row, split in enumerate(columns.values[SPLIT]) if split == UNLABELLED]
    texts = [text if isinstance(text, str) else "" for text in columns.values[TEXT]]
    kept = [texts[row] for row in rows]
    return Texts(texts=kept, labels=[""] * len(kept), places=[columns.places[row] for row in rows])


def labelled_files(config: TableConfig) -> list[TableFile]:
    """Returns the files of `data.path` but those of texts without labels.

    Raises:
        FileNotFoundError, ValueError: As `find_table_files`, or if a setting contradicts it.
    """
    if config.text_column == config.label_column is not None:
        raise ValueError(f"data.text_column and data.label_column are both {config.text_column!r}; name two columns.")
    return [file for file in all_files(config) if file.part != UNLABELLED]


def all_files(config: TableConfig) -> list[TableFile]:
    """Returns the files of `data.path`.

    Raises:
        FileNotFoundError, ValueError: As `find_table_files`, or if a column is to say parts that the files say.
    """
    if config.split_column == "":
        raise ValueError("data.split_column is empty; name a column that says train, valid or test, or give null.")
    files = find_table_files(config.path)
    if config.split_column is not None and files[0].part is not None:
        raise ValueError(
            f"data.split_column={config.split_column} and the names of files both say parts; leave out the column, or "
            "name the file that has it."
        )
    return files


def _labelled(columns: Columns) -> Columns:
    """Returns the rows that have a label to be; those of neither text nor label are none."""
    splits = columns.values.get(SPLIT, [None] * len(columns.places))
    cells = zip(splits, columns.values[TEXT], columns.values[LABEL], strict=True)
    kept = [
        row for row, (split, *filled) in enumerate(cells) if split != UNLABELLED and not all(map(_is_blank, filled))
    ]
    values = {setting: [values[row] for row in kept] for setting, values in columns.values.items()}
    return Columns(values, columns.names, [columns.places[row] for row in kept])


def _read_all(files: Sequence[TableFile], config: TableConfig, settings: list[str], on_read: OnRead = quiet) -> Columns:
    """Returns columns of all files, which are called alike in each; and the parts, where files or a column say them."""
    has_column, has_parts = config.split_column is not None, files[0].part is not None
    settings = [*settings, SPLIT] if has_column else settings
    values: dict[str, list[object]] = {setting: [] for setting in [*settings, *[SPLIT] * has_parts]}
    names: dict[str, str] = {}
    places: list[str] = []
    for n_read, file in enumerate(files):
        before = len(places)
        with ExitStack() as opened:
            tabular = opened.enter_context(open_tabular(file.path, config.reading, shown=file.shown))
            names = names or _names(tabular, config, settings, file.shown)
            chosen = [
                find_column(tabular.names, names[setting], setting=setting, shown=file.shown) for setting in settings
            ]
            for place, cells in tabular.rows(chosen):
                places.append(f"{place} of {file.path.name}" if len(files) > 1 else place)
                for setting, cell in zip(settings, cells, strict=True):
                    values[setting].append(cell)
        if has_parts:
            values[SPLIT] += [file.part] * (len(places) - before)
        on_read(n_read + 1, len(files))
    columns = Columns(values, names, places)
    for setting in settings:
        _refuse_undecodable(columns, setting, config)
    return columns


def _names(tabular: Tabular, config: TableConfig, settings: Sequence[str], shown: str) -> dict[str, str]:
    """Returns what the columns are called: as given, else by a usual name."""
    found = {}
    for setting in settings:
        given: str | None = getattr(config, setting.removeprefix("data."))
        kind = "text" if setting == TEXT else "label"
        encoding = "data.encoding"
        if given is not None:
            place = find_column(tabular.names, given, setting=setting, shown=shown, encoding=encoding)
        else:
            place = find_usual(tabular.names, kind, setting=setting, shown=shown, encoding=encoding)
        found[setting] = tabular.names[place]
    if len(set(found.values())) < len(found):
        raise ValueError(f"{' and '.join(found)} are one column of {shown}, {found[settings[0]]!r}; name two columns.")
    return found


def _refuse_undecodable(columns: Columns, setting: str, config: TableConfig) -> None:
    for value, place in zip(columns.values[setting], columns.places, strict=True):
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError as error:
                byte = ord(value[error.start]) - 0xDC00
                held = f"byte 0x{byte:02x}" if 0x80 <= byte < 0x100 else "half a character"
                raise ValueError(
                    f"{_shown(config)} is not UTF-8 throughout: {columns.shown(setting)} has {held} in {place}; write "
                    "the file anew with texts of UTF-8."
                ) from error


def _shown(config: TableConfig) -> str:
    given = config.path
    if isinstance(given, Mapping):
        return f"data.path={{{', '.join(f'{part}: {_listed(paths)}' for part, paths in given.items())}}}"
    return f"data.path={_listed(given)}"


def _listed(given: object) -> str:
    return f"[{', '.join(map(str, given))}]" if isinstance(given, list) else str(given)


def _is_blank(value: object) -> bool:
    return _is_missing(value) or (isinstance(value, str) and not value.strip())


def _is_missing(value: object) -> bool:
    return value is None or value == "" or value != value


def _groups(columns: Columns) -> list[str]:
    for value, place in zip(columns.values[GROUP], columns.places, strict=True):
        if _is_missing(value):
            raise ValueError(f"{columns.shown(GROUP)} is empty in {place}; say of which group each row is.")
    return [str(value).strip() for value in columns.values[GROUP]]


def _given(columns: Columns) -> list[str]:
    values = [str(value) for value in columns.values[SPLIT]]
    for value, place in zip(values, columns.places, strict=True):
        if value not in PARTS:
            raise ValueError(
                f"{columns.shown(SPLIT)} holds {value!r} in {place}; allowed are train, valid, test, unlabelled."
            )
    return values
