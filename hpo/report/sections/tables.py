"""Facts of a section's items, each said once: as a column of a table, as a number of report.json, or as both.

What is in them is the sections' business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from hpo.figures.figure import Cell
from hpo.report.analysis.phrases import task_name
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Column, Table

Record = Mapping[str, Cell]
Item = TypeVar("Item")


@dataclass(frozen=True)
class Field(Generic[Item]):
    """One fact of every item.

    Attributes:
        name: In report.json; "" for what only a table shows.
        title: Of its column; "" for what only report.json holds.
        read: Reads it from an item; None where items are records that have it under `name`.
        format: Of its column.
    """

    name: str
    title: str
    read: Callable[[Item], Cell] | None = None
    format: str = ".4g"

    def of(self, item: Item) -> Cell:
        """Returns the fact of an item."""
        if self.read is not None:
            return self.read(item)
        assert isinstance(item, Mapping)
        cell: Cell = item.get(self.name)
        return cell


def table(
    experiment: Experiment, key: str, title: str, fields: Sequence[Field[Item]], items: Iterable[Item], note: str = ""
) -> Table:
    """Returns a table with a row for each item; the field `task` has a column only where there are several."""
    shown = [field for field in fields if field.title and (field.name != "task" or experiment.has_tasks)]
    columns = [Column(field.title, field.format) for field in shown]
    rows = [[_cell(field, item) for field in shown] for item in items]
    return Table(key, title, columns, rows, note)


def _cell(field: Field[Item], item: Item) -> Cell:
    return task_name(str(field.of(item))) if field.name == "task" else field.of(item)


def numbers(item: Item, fields: Iterable[Field[Item]]) -> dict[str, Cell]:
    """Returns what report.json holds of an item."""
    return {field.name: field.of(item) for field in fields if field.name}


def nested(
    records: Iterable[Record], by: Sequence[str], names: Sequence[str] = (), *, into: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Returns records as report.json holds them: in mappings by the values of `by`.

    Args:
        names: What is held of a record; everything but `by` if empty.
        into: Where they are put; a new mapping if None.
    """
    top = {} if into is None else into
    for record in records:
        inner = top
        for name in by:
            inner = inner.setdefault(str(record[name]), {})
        inner.update((name, record[name]) for name in names or [name for name in record if name not in by])
    return top
