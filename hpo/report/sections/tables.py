"""Records, each fact under its name, as rows of a table and as the numbers of report.json.

What is in them is the sections' business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpo.figures.figure import Cell
from hpo.report.analysis.phrases import task_name
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Column, Table

Record = Mapping[str, Cell]


def table(
    experiment: Experiment,
    key: str,
    title: str,
    columns: Mapping[str, str | Column],
    records: Iterable[Record],
    note: str = "",
) -> Table:
    """Returns a table of the records.

    Args:
        columns: What is shown of a record, with its title; `task` only where the experiment has several.
        records: One a row; what a record lacks is a dash.
    """
    shown = {name: column for name, column in columns.items() if name != "task" or experiment.has_tasks}
    rows = [
        [task_name(str(record[name])) if name == "task" else record.get(name) for name in shown] for record in records
    ]
    return Table(key, title, [Column(c) if isinstance(c, str) else c for c in shown.values()], rows, note)


def _cell(record: Record, name: str) -> Cell:
    return task_name(str(record[name])) if name == "task" else record.get(name)


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
