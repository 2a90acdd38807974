"""Cells as text and as CSV: how a table is read, and every plotted number and every table for a spreadsheet.

What the numbers mean is not known here; where the files go is `files`' business.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence

from hpo.figures.figure import Cell, Figure, Series
from hpo.machine.escaping import for_spreadsheet
from hpo.report.document.content import Column, Table

DASH = "–"
MAX_NUMBER_CHARS = 40  # what is set without a break
MAX_WHOLE = 1e9  # numbers below are written out: 12110, not 1.211e+04
FIGURE_COLUMNS = ("view", "series", "strategy", "kind", "x", "y", "low", "high", "z", "text")


def show_column(cells: Sequence[Cell], column: Column) -> list[str]:
    """Returns a column as it is read: 0.8460 beside 0.8506, so that digits stand under digits."""
    plain = [show_cell(cell, column) for cell in cells]
    if not column.format.endswith("g"):
        return plain
    padded = [show_cell(cell, Column(column.title, f"#{column.format}")) for cell in cells]
    needs_all = any(
        isinstance(cell, float) and one == other for cell, one, other in zip(cells, plain, padded, strict=True)
    )
    return padded if needs_all else plain


def show_cell(cell: Cell, column: Column) -> str:
    """Returns a cell as it is read: numbers by the column's format, whole numbers whole, None as a dash."""
    match cell:
        case None:
            return DASH
        case str():
            return cell
        case float() if not math.isfinite(cell):
            return DASH if math.isnan(cell) else "∞" if cell > 0 else "-∞"
        case int() if column.format.endswith("g"):
            return str(int(cell))
    text = format(cell, column.format)
    is_long = "e+" in text and column.format.endswith("g") and abs(cell) < MAX_WHOLE
    return f"{cell:.0f}" if is_long else text.removesuffix(".")


def is_numeric(cells: Iterable[Cell]) -> bool:
    """Tells whether a column is one of numbers, to be set to the right: `3/10` and `<0.001` count, a hash does not."""
    known = [cell for cell in cells if cell is not None and cell != ""]
    return bool(known) and all(not isinstance(cell, str) or _is_number(cell) for cell in known)


def _is_number(text: str) -> bool:
    is_mixed = re.search(r"[A-Za-z]\d|\d[A-DF-Za-df-z]", text) is not None  # 0629dbf5, 3rd; but 1e-05
    return len(text) <= MAX_NUMBER_CHARS and not is_mixed and re.match(r"[-+−<>≤≥≈~]?\s?[\d.∞]", text) is not None


def table_csv(table: Table) -> str:
    """Returns a table as CSV, every digit kept."""
    return _csv([[column.title for column in table.columns], *table.rows])


def figure_csv(figure: Figure) -> str:
    """Returns every number of a figure as CSV: one line a point, for all views; reference lines at each view's end."""
    return _csv([FIGURE_COLUMNS, *_points(figure)])


def _points(figure: Figure) -> Iterator[Sequence[Cell]]:
    for view in figure.views:
        for series in view.series:
            yield from ([view.label, series.name, series.strategy, series.kind, *point] for point in _cells(series))
        for kind, place, label in view.lines:
            x, y = (place if kind == "x" else None), (place if kind == "y" else None)
            yield [view.label, label, None, "diagonal" if kind == "diagonal" else "reference", x, y, *[None] * 4]


def _cells(series: Series) -> Iterator[Sequence[Cell]]:
    empty: Sequence[Cell] = [None] * len(series.x)
    columns = (series.y, series.low, series.high, series.z, series.text)
    return zip(series.x, *(column or empty for column in columns), strict=True)


def _csv(rows: Iterable[Sequence[Cell]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows([_csv_cell(cell) for cell in row] for row in rows)
    return file.getvalue()


def _csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return for_spreadsheet(cell)
        case float() if not math.isfinite(cell):
            return ""
    return repr(float(cell)) if isinstance(cell, float) else str(int(cell))
