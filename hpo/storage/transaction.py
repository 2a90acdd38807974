"""What one event writes to one trial, and how it reaches Optuna's tables: in one transaction, a statement a table.

Optuna's own setters take a transaction and several statements each. When to write, and what is remembered, is known to
`views`; what to do when the database is away, to `enduring`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from optuna.distributions import BaseDistribution, check_distribution_compatibility, distribution_to_json
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import BindParameter, Connection, Table, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)


class NumberTaken(Exception):
    """Somebody else has put a trial where a new one was to be."""


@dataclass
class TrialWrites:
    """What is to be written to one trial.

    Attributes:
        study_id: Its study.
        trial: What it is then; of a new one, the number that it is to get.
        trial_id: Its id; None for a new one.
        params: In the order in which they were suggested, as Optuna stores them, and where they come from.
        system_attrs, user_attrs: As JSON, by key.
        steps: Intermediate values.
        state, values: How it ended, if it did.
    """

    study_id: int
    trial: FrozenTrial
    trial_id: int | None
    params: dict[str, tuple[float, BaseDistribution]] = field(default_factory=dict)
    system_attrs: dict[str, str] = field(default_factory=dict)
    user_attrs: dict[str, str] = field(default_factory=dict)
    steps: dict[int, float] = field(default_factory=dict)
    state: TrialState | None = None
    values: Sequence[float] | None = None

    def __post_init__(self) -> None:
        self.trial = copy(self.trial)  # whoever holds what it was, keeps that

    @property
    def is_empty(self) -> bool:
        written = (self.params, self.system_attrs, self.user_attrs, self.steps)
        return self.trial_id is not None and self.state is None and not any(written)

    def set_param(self, name: str, internal: float, distribution: BaseDistribution) -> None:
        """Notes a param; of one name and study all distributions must be compatible, as Optuna says."""
        self._check()
        known = self.trial.distributions.get(name)
        if known is not None:
            check_distribution_compatibility(known, distribution)
        self.params[name] = (internal, distribution)
        self.trial.params = {**self.trial.params, name: distribution.to_external_repr(internal)}
        self.trial.distributions = {**self.trial.distributions, name: distribution}

    def set_system_attr(self, key: str, value: Any) -> None:
        self._check()
        self.system_attrs[key] = json.dumps(value)
        self.trial.system_attrs = {**self.trial.system_attrs, key: json.loads(self.system_attrs[key])}

    def set_user_attr(self, key: str, value: Any) -> None:
        self._check()
        self.user_attrs[key] = json.dumps(value)
        self.trial.user_attrs = {**self.trial.user_attrs, key: json.loads(self.user_attrs[key])}

    def set_step(self, step: int, value: float) -> None:
        self._check()
        self.steps[step] = value
        self.trial.intermediate_values = {**self.trial.intermediate_values, step: value}

    def end(self, state: TrialState, values: Sequence[float] | None) -> None:
        """Notes that it has ended."""
        self._check()
        self.state, self.values = state, values
        self.trial.state = state
        if values is not None:
            self.trial.values = list(values)
        self.trial.datetime_complete = datetime.now()

    def _check(self) -> None:
        if self.trial.state.is_finished():
            raise UpdateFinishedTrialError(f"Trial#{self.trial.number} has already finished and can not be updated.")


class Transactions(Protocol):
    """A storage that writes all of an event at once."""

    def write_together(self, writes: TrialWrites) -> int:
        """Writes, and returns the id of the trial."""


def write_trial(connection: Connection, writes: TrialWrites, *, is_again: bool) -> int:
    """Writes within the transaction of `connection`; returns the id of the trial.

    Args:
        connection: To a database of Optuna's; SQLite or PostgreSQL.
        writes: What.
        is_again: A try before may have reached the database: then it was there as a whole.

    Raises:
        NumberTaken: if another trial has the number of a new one.
        UpdateFinishedTrialError: if the trial has ended already.
    """
    if writes.trial_id is None:
        trial_id, is_done = _create(connection, writes, is_again=is_again)
        if is_done:
            return trial_id
    else:
        trial_id = writes.trial_id
        if writes.state is not None and not _end(connection, trial_id, writes, is_again=is_again):
            return trial_id
    dialect = connection.dialect.name
    for table, rows in _rows(trial_id, writes):
        if rows:
            connection.execute(_upsert(dialect, table), rows)
    return trial_id


def _create(connection: Connection, writes: TrialWrites, *, is_again: bool) -> tuple[int, bool]:
    """Returns the id of a new trial, and whether it was there already with everything in it."""
    trials, number = models.TrialModel.__table__, writes.trial.number
    if is_again:
        of_number = (trials.c.study_id == writes.study_id) & (trials.c.number == number)
        known = connection.execute(select(trials.c.trial_id).where(of_number)).scalar()
        if known is not None:
            return int(known), True
    row = {"of_study": writes.study_id, "at": _utc(writes.trial.datetime_start), "as": writes.trial.state}
    trial_id, given = connection.execute(_insert_trial(), row).one()
    if given != number:
        raise NumberTaken
    return int(trial_id), False


def _end(connection: Connection, trial_id: int, writes: TrialWrites, *, is_again: bool) -> bool:
    """Returns whether the trial ends by this; it may have by the try before."""
    trials = models.TrialModel.__table__
    unfinished = (trials.c.trial_id == trial_id) & trials.c.state.in_(UNFINISHED)
    ended = {"state": writes.state, "datetime_complete": _utc(writes.trial.datetime_complete)}
    if connection.execute(update(trials).where(unfinished).values(ended)).rowcount:
        return True
    state = connection.execute(select(trials.c.state).where(trials.c.trial_id == trial_id)).scalar()
    if is_again and state is writes.state:
        return False
    raise UpdateFinishedTrialError(f"Trial#{writes.trial.number} has already finished and can not be updated.")


def _rows(trial_id: int, writes: TrialWrites) -> Iterator[tuple[str, Sequence[Mapping[str, object]]]]:
    params = [
        {"trial_id": trial_id, "param_name": name, "param_value": value, "distribution_json": _as_json(distribution)}
        for name, (value, distribution) in writes.params.items()
    ]
    attrs = [
        [{"trial_id": trial_id, "key": key, "value_json": value} for key, value in given.items()]
        for given in (writes.system_attrs, writes.user_attrs)
    ]
    steps = []
    for step, value in writes.steps.items():
        stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(value)
        row = {"trial_id": trial_id, "step": step, "intermediate_value": stored, "intermediate_value_type": kind}
        steps.append(row)
    values = []
    for objective, value in enumerate(writes.values or ()):
        stored, ended = models.TrialValueModel.value_to_stored_repr(value)
        values.append({"trial_id": trial_id, "objective": objective, "value": stored, "value_type": ended})
    yield from (("params", params), ("system", attrs[0]), ("user", attrs[1]))
    yield from (("steps", steps), ("values", values))


def _utc(moment: datetime | None) -> datetime | None:
    """Returns a moment as Optuna stores it."""
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)


@cache
def _as_json(distribution: BaseDistribution) -> str:
    return distribution_to_json(distribution)


@cache
def _insert_trial() -> Insert:
    """Returns a statement that numbers trials as Optuna does: by how many there are."""
    trials = models.TrialModel.__table__
    of_study: BindParameter[int] = bindparam("of_study")
    number = select(func.count()).select_from(trials).where(trials.c.study_id == of_study).scalar_subquery()
    values = {"study_id": of_study, "number": number, "datetime_start": bindparam("at"), "state": bindparam("as")}
    return insert(trials).values(values).returning(trials.c.trial_id, trials.c.number)


@cache
def _upsert(dialect: str, table: str) -> Insert:
    """Returns a statement that writes rows, or what is new of those that are there."""
    model, keys = _TABLES[table]
    rows: Table = model.__table__
    make: Callable[[Table], Any] = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = make(rows)
    others = [column.name for column in rows.columns if column.name not in keys and not column.primary_key]
    changed = {name: statement.excluded[name] for name in others}
    written: Insert = statement.on_conflict_do_update(index_elements=list(keys), set_=changed)
    return written


_TABLES: dict[str, tuple[Any, tuple[str, str]]] = {
    "params": (models.TrialParamModel, ("trial_id", "param_name")),
    "system": (models.TrialSystemAttributeModel, ("trial_id", "key")),
    "user": (models.TrialUserAttributeModel, ("trial_id", "key")),
    "steps": (models.TrialIntermediateValueModel, ("trial_id", "step")),
    "values": (models.TrialValueModel, ("trial_id", "objective")),
}
