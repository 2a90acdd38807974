"""Excel files as rows of cells, read by pandas and openpyxl; rows are counted as the spreadsheet counts them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import IO, Any

Cells = Sequence[object]
Numbered = list[tuple[int, Cells]]  # rows that are not empty, the header first


def read_sheet(file: IO[bytes], *, sheet: str | None, wanted: Collection[str], shown: str, setting: str) -> Numbered:
    """Returns the rows of a sheet that are not empty, each with its number.

    Args:
        file: The content of an Excel file.
        sheet: The sheet's name; None: the only one that is not empty, or that has one of the wanted columns.
        wanted: Names of columns, in small letters.
        shown: What errors call the file.
        setting: What errors call the choice of the sheet.

    Raises:
        ValueError: If openpyxl is not there, the file cannot be read, or the sheet cannot be told.
    """
    filled = {name: rows for name, rows in _sheets(file, shown).items() if rows}
    if sheet is not None:
        if sheet not in filled:
            raise ValueError(f"{setting}={sheet} is no sheet of {shown} that holds rows; {_held(filled)}.")
        return filled[sheet]
    fitting = {name: rows for name, rows in filled.items() if any(_lowered(cell) in wanted for cell in rows[0][1])}
    chosen = fitting if len(filled) > 1 and fitting else filled
    if len(chosen) > 1:
        raise ValueError(f"{shown} has several sheets; {_held(chosen)}: say which by {setting}=….")
    return next(iter(chosen.values()), [])


def _sheets(file: IO[bytes], shown: str) -> dict[str, Numbered]:
    try:
        import openpyxl  # noqa: F401  # pandas reads by it
    except ImportError as error:
        raise ValueError(
            f'{shown} is an Excel file, which openpyxl reads; pip install "openpyxl>=3.1,<4", or save it as .csv.'
        ) from error
    import pandas as pd

    try:
        frames: dict[str, Any] = pd.read_excel(
            file, sheet_name=None, header=None, dtype=object, keep_default_na=False, engine="openpyxl"
        )
    except Exception as error:  # whatever openpyxl makes of archives and XML
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
        raise ValueError(f"{shown} is no readable Excel file ({reason}); save it anew as .xlsx or .csv.") from error
    return {
        str(name): [(i + 1, row) for i, row in enumerate(frame.values.tolist()) if not all(_is_empty(c) for c in row)]
        for name, frame in frames.items()
    }


def _is_empty(cell: object) -> bool:
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())


def _lowered(cell: object) -> str:
    return str(cell).strip().casefold()


def _held(sheets: Collection[str]) -> str:
    return f"there are {', '.join(map(repr, sheets))}" if sheets else "there is none"
