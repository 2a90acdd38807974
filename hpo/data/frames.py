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
    """Returns the Parquet file of a table, written unless it is there.

    Raises:
        ValueError: if it is no table, or has columns that no file can hold.
    """
    _check("data", frame)
    content = BytesIO()
    try:
        frame.to_parquet(content, index=False)
    except (ValueError, TypeError, OverflowError) as error:  # pyarrow's are among them
        raise ValueError(f"data cannot be written as a table: {str(error).splitlines()[0].rstrip('.')}.") from error
    return _written(content.getvalue(), "frame", ".parquet")


def write_records(frame: pd.DataFrame) -> Path:
    """Returns the CSV file of a table of trials, written unless it is there.

    Raises:
        ValueError: if it is no table.
    """
    _check("records", frame)
    return _written(frame.to_csv(index=False).encode(), "records", ".csv")


def _check(setting: str, frame: object) -> None:
    if not hasattr(frame, "to_parquet"):
        raise ValueError(f"{setting}={type(frame).__name__} is no table; give a pandas DataFrame or a path.")


def _written(content: bytes, name: str, suffix: str) -> Path:
    path = expanded(FOLDER) / f"{name}-{hash_bytes(content)[:12]}{suffix}"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return path
