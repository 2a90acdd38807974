"""CSV files of trials, row by row: every field checked, what has no value charged as a failure.

Which rows make one study and one experiment is decided in `csv_records`, what single fields mean in `csv_words`.
"""

from __future__ import annotations

import difflib
import math
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from hpo.config.search import ParamValue
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING
from hpo.data.delimited import Row, read_csv
from hpo.data.encodings import decode
from hpo.machine.escaping import FORMULA_STARTS
from hpo.report.analysis.records import Trial
from hpo.report.reading.csv_words import DIVERGED, read_number, read_params, read_state, read_whole
from hpo.report.reading.foreign_trials import LARGEST, ReadTrial, StudyPlace

REQUIRED = ("experiment", "task", "strategy", "seed", "trial", "value", "state")
OPTIONAL = ("epochs", "seconds", "test", "direction", "metric", "ended_s", "reason", "continued")
SYNONYMS = {  # how other tuners' exports call a column, where it has not its own name
    "task": ("dataset", "benchmark", "problem"),
    "strategy": ("optimizer", "optimiser", "method", "algorithm", "scheduler", "searcher", "tuner"),
    "trial": ("number", "trial_number", "trial_index", "trial_id", "iteration"),
    "value": ("objective", "objective_value", "values_0", "metric_value", "default"),
    "state": ("status", "trial_status"),
    "seconds": ("duration", "time_total_s", "elapsed_time", "runtime", "_runtime"),
    "epochs": ("training_iteration", "epoch", "resource", "n_epochs"),
    "reason": ("error", "additional_info", "fail_reason"),
}
PARAMS = re.compile(r"(?:params_|config/|config_|param\.)(.+)")
PARAM = "param."
DELIMITERS = ",;\t|"
MAX_SHOWN = 60  # characters of what stands where the name of a column should be


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One row of a file: its fields, where each column stands among them, its first line."""

    fields: Sequence[str]
    columns: Mapping[str, int]
    shown: str
    line: int

    def __getitem__(self, column: str) -> str:
        place = self.columns.get(column)
        return "" if place is None else self.fields[place]

    @property
    def place(self) -> str:
        """As errors show it."""
        return f"{self.shown} line {self.line}"


def read_rows(path: Path) -> tuple[list[TrialRow], list[str]]:
    """Returns the rows of a file, and its columns that nothing reads.

    Raises:
        ValueError: if it is no CSV file of trials, in one sentence.
    """
    shown = f"records={path}"
    rows = _rows(_text(path, shown), shown)
    first = next(rows, None)
    if first is None:
        raise ValueError(f"{shown} is empty; its first line names the columns {', '.join(REQUIRED)}.")
    header = _header(first.fields)
    _check_header(header, shown)
    columns = {name: place for place, name in enumerate(header)}
    trials = [
        TrialRow(fields, columns, shown, row.line) for row in rows if any(fields := tuple(map(_field, row.fields)))
    ]
    if not trials:
        raise ValueError(f"{shown} has a header and no rows; a row is a trial.")
    unread = [name for name in header if name and name not in REQUIRED + OPTIONAL and not name.startswith(PARAM)]
    return trials, unread


@lru_cache(maxsize=4096)
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


def _rows(text: str, shown: str) -> Iterator[Row]:
    """Returns the rows while they are read, split where the header has most columns that are known."""
    header = text.lstrip().splitlines()[0] if text.strip() else ""
    delimiter = max(DELIMITERS, key=lambda each: _n_known(header, each))
    rows = read_csv(text, shown=shown, delimiter=delimiter)
    return (row for row in rows if any(field.strip() for field in row.fields))


def _n_known(header: str, delimiter: str) -> int:
    return sum(_column(name.strip().strip('"')) in REQUIRED for name in header.split(delimiter))


def _header(fields: Sequence[str]) -> list[str]:
    """Returns the names of the columns as they are known here: a synonym's, too, where only one stands for it."""
    names = [_column(name) for name in fields]
    for wanted, others in SYNONYMS.items():
        found = [i for i, name in enumerate(names) if name.casefold() in others]
        if wanted not in names and len(found) == 1:
            names[found[0]] = wanted
    return names


def _column(name: str) -> str:
    """Returns a column's name as it is known here: without spaces around, ours in lower case."""
    stripped = name.strip()
    lowered = stripped.casefold()
    if lowered in REQUIRED + OPTIONAL:
        return lowered
    param = PARAMS.fullmatch(stripped) or PARAMS.fullmatch(lowered)
    return PARAM + stripped[param.start(1) :] if param else stripped


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


def read_trials(rows: Sequence[TrialRow], states: Mapping[str, str] = MappingProxyType({})) -> list[ReadTrial]:
    """Returns a trial for each row.

    Args:
        rows: The rows.
        states: Our state for words of somebody else's.

    Raises:
        ValueError: for a field that cannot be read, or two rows for one trial.
    """
    params = _params(rows)
    read = [_read_row(row, own, states) for row, own in zip(rows, params, strict=True)]
    seen: dict[tuple[StudyPlace, int], TrialRow] = {}
    for row, each in zip(rows, read, strict=True):
        first = seen.setdefault((each.place, each.trial.number), row)
        if first is not row:
            task, strategy, seed = each.place
            trial = f"trial {each.trial.number} of task {task}, strategy {strategy}, seed {seed}"
            raise ValueError(f"{row.place} and {first.place} are both {trial}; a trial has one row.")
    return read


def _params(rows: Sequence[TrialRow]) -> list[dict[str, ParamValue]]:
    """Returns each row's params, every column in one type."""
    files = {id(row.columns): row.columns for row in rows}
    columns = list(dict.fromkeys(name for names in files.values() for name in names if name.startswith(PARAM)))
    found: list[dict[str, ParamValue]] = [{} for _ in rows]
    for column in columns:
        for own, value in zip(found, read_params([row[column] for row in rows]), strict=True):
            if value is not None:
                own[column.removeprefix(PARAM)] = value
    return found


def _read_row(row: TrialRow, params: Mapping[str, ParamValue], states: Mapping[str, str]) -> ReadTrial:
    for column in ("task", "strategy"):
        if not row[column]:
            raise ValueError(f"{row.place}: {column} is empty; every trial belongs to one.")
    try:
        state, reason = read_state(row["state"], states)
    except ValueError as error:
        raise ValueError(f"{row.place}: {error}.") from error
    value = _number(row, "value")
    is_imputed = state == COMPLETE and not math.isfinite(value)
    if is_imputed:
        state, reason = FAIL, "diverged" if row["value"] else "no value"
    if state in (FAIL, RUNNING) or not math.isfinite(value):
        value = math.nan
    seconds, ended_s = _spent(row, "seconds", 0.0), _spent(row, "ended_s", math.nan)
    test = _number(row, "test")
    trial = Trial(
        number=_whole(row, "trial"),
        state=state,
        value=None if math.isnan(value) else value,
        epochs=_spent(row, "epochs", 1.0),
        seconds=seconds,
        ended_s=None if math.isnan(ended_s) else ended_s,
        params=params,
        test=test if math.isfinite(test) else None,
        reason=(row["reason"] or reason or "unknown") if state == FAIL else None,
        continued=_continued(row) if state == PRUNED else None,
    )
    return ReadTrial((row["task"], row["strategy"], _whole(row, "seed")), trial, is_imputed)


def _continued(row: TrialRow) -> float | None:
    """Returns what a pruned trial would have come to: infinity if it diverges, None where nothing is said."""
    if row["continued"].casefold() == DIVERGED:
        return math.inf
    value = _number(row, "continued")
    return None if math.isnan(value) else math.inf if math.isinf(value) else value


def _number(row: TrialRow, column: str) -> float:
    """Returns the number in a column, infinite if it is too large to compute with; NaN where none is written."""
    try:
        number = read_number(row[column])
    except ValueError as error:
        raise ValueError(
            f"{row.place}: {column} {row[column]!r} is not a number; write decimals with a point, "
            "and nothing where there is no value."
        ) from error
    return math.copysign(math.inf, number) if abs(number) > LARGEST else number


def _whole(row: TrialRow, column: str) -> int:
    try:
        number = read_whole(row[column])
    except ValueError as error:
        raise ValueError(f"{row.place}: {column} {row[column]!r} is not a whole number.") from error
    if number < 0:
        raise ValueError(f"{row.place}: {column} {row[column]} is negative; count from 0.")
    return number


def _spent(row: TrialRow, column: str, unknown: float) -> float:
    """Returns what was spent: finite and at least 0; `unknown` where the field is empty."""
    number = _number(row, column)
    if math.isnan(number):
        return unknown
    if number < 0 or math.isinf(number):
        raise ValueError(f"{row.place}: {column} {row[column]} must be a finite number of at least 0.")
    return number
