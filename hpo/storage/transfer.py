"""Studies brought from one database into another, row by row and in one transaction: wholly, or not at all.

Rows, not trials: what Optuna keeps arrives as it is, to the last digit. Folders are `hpo copy`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from optuna.storages import BaseStorage
from optuna.storages._rdb.models import BaseModel
from sqlalchemy import Connection, Engine, Select, Table, select

PART = 1000  # rows that are in memory at once
OF_STUDIES = ("study_directions", "study_user_attributes", "study_system_attributes")
OF_TRIALS = (
    "trial_params",
    "trial_values",
    "trial_intermediate_values",
    "trial_user_attributes",
    "trial_system_attributes",
    "trial_heartbeats",
)
NOT_OURS = ("version_info",)  # made with the tables

Row = dict[str, Any]
Edit = Callable[[str, str], str]
"""Returns the text that the target keeps of a study's system attribute, given its key and its text in the source."""


def transfer(source: BaseStorage, target: BaseStorage, studies: Sequence[str], *, edit: Edit) -> None:
    """Brings `studies` and all their trials from `source` into `target`, both in databases.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: if a database is away, or the target has one of the studies; nothing is changed.
    """
    with _engine(source).connect() as reading, _engine(target).begin() as writing:
        for study in studies:
            _transfer_study(reading, writing, study, edit)


def _engine(storage: BaseStorage) -> Engine:
    engine = getattr(storage, "engine", None)
    assert isinstance(engine, Engine), "only databases have rows"
    return engine


def _transfer_study(reading: Connection, writing: Connection, study: str, edit: Edit) -> None:
    studies, trials = _table("studies"), _table("trials")
    old = reading.execute(select(studies.c.study_id).where(studies.c.study_name == study)).scalar_one()
    writing.execute(studies.insert(), [{"study_name": study}])
    new = writing.execute(select(studies.c.study_id).where(studies.c.study_name == study)).scalar_one()
    for name in OF_STUDIES:
        rows = _rows(reading, _table(name), select(_table(name)).where(_table(name).c.study_id == old))
        rows = ({**row, "study_id": new} for row in rows)
        _insert(writing, _table(name), _edited(rows, edit) if name == "study_system_attributes" else rows)
    own = select(trials).where(trials.c.study_id == old)
    _insert(writing, trials, ({**row, "study_id": new} for row in _rows(reading, trials, own)))
    ids = dict(zip(_trial_ids(reading, trials, old), _trial_ids(writing, trials, new), strict=True))
    mine = select(trials.c.trial_id).where(trials.c.study_id == old)
    for name in OF_TRIALS:
        rows = _rows(reading, _table(name), select(_table(name)).where(_table(name).c.trial_id.in_(mine)))
        _insert(writing, _table(name), ({**row, "trial_id": ids[row["trial_id"]]} for row in rows))


def _table(name: str) -> Table:
    table: Table = BaseModel.metadata.tables[name]
    return table


def _rows(reading: Connection, table: Table, query: Select[Any]) -> Iterator[Row]:
    """Yields the rows of a table without their own numbers, in the order in which they were written."""
    (key,) = table.primary_key.columns
    for row in reading.execute(query.order_by(key), execution_options={"yield_per": PART}).mappings():
        yield {str(name): value for name, value in row.items() if name != key.name}


def _trial_ids(connection: Connection, trials: Table, study_id: int) -> list[int]:
    query = select(trials.c.trial_id).where(trials.c.study_id == study_id).order_by(trials.c.trial_id)
    return list(connection.execute(query).scalars())


def _edited(rows: Iterable[Row], edit: Edit) -> Iterator[Row]:
    for row in rows:
        yield {**row, "value_json": edit(row["key"], row["value_json"])}


def _insert(writing: Connection, table: Table, rows: Iterable[Row]) -> None:
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if len(part) == PART:
            writing.execute(table.insert(), part)
            part = []
    if part:
        writing.execute(table.insert(), part)
