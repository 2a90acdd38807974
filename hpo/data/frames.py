"""Tables in memory as files that `data=table` reads: kept by their content, so that a study goes on with the same.

What must be in one is decided where tables are read.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.machine.files import hash_bytes, write_atomically
from hpo.machine.paths import expanded

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "~/.cache/hpo/frames"


def write_frame(frame: pd.DataFrame) -> Path:
    """Returns the file of a table, written unless it is there: Parquet, or JSON lines where a column has several types.

    Raises:
        ValueError: if it is no table, or has columns that no file can hold.
    """
    _check("data", frame)
    content = BytesIO()
    try:
        frame.to_parquet(content, index=False)
    except (ValueError, TypeError, OverflowError, NotImplementedError) as error:  # pyarrow's are among them
        if _is_plain(frame):
            lines = frame.to_json(orient="records", lines=True, force_ascii=False)
            return _written(lines.encode(), "frame", ".jsonl")
        raise ValueError(f"data cannot be written as a table: {str(error).splitlines()[0].rstrip('.')}.") from error
    return _written(content.getvalue(), "frame", ".parquet")


def write_records(frame: pd.DataFrame) -> Path:
    """Returns the CSV file of a table of trials, written unless it is there.

    Raises:
        ValueError: if it is no table.
    """
    _check("records", frame)
    return _written(frame.to_csv(index=False).encode(), "records", ".csv")


def _is_plain(frame: pd.DataFrame) -> bool:
    """Returns whether a table holds nothing but what JSON has, too."""
    plain = (str, bool, int, float, type(None))
    values = (value for name in frame.columns for value in frame[name].tolist())
    names_differ = len(set(map(str, frame.columns))) == len(frame.columns)
    return names_differ and all(isinstance(value, plain) and _is_text(value) for value in values)


def _is_text(value: object) -> bool:
    return not isinstance(value, str) or not any("\ud800" <= char <= "\udfff" for char in value)


def _check(setting: str, frame: object) -> None:
    if not hasattr(frame, "to_parquet"):
        raise ValueError(f"{setting}={type(frame).__name__} is no table; give a pandas DataFrame or a path.")


def _written(content: bytes, name: str, suffix: str) -> Path:
    path = expanded(FOLDER) / f"{name}-{hash_bytes(content)[:12]}{suffix}"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return path
