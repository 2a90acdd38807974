"""A storage whose database may be away for a while: each call waits for it and is made again.

What a call did before its connection broke is looked up, so that making it again does it once.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Concatenate, Protocol

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from hpo.machine.errors import causes
from hpo.machine.patience import Patience
from hpo.machine.signals import StopRequest
from hpo.storage.address import reason
from hpo.storage.damage import damage
from hpo.storage.relay import P, Relay, T
from hpo.storage.transaction import TrialWrites, write_trial

PATIENCE_S = 90.0
# SQL states of connections that end or cannot be had now, of servers that may not write, and of mere bad luck.
PASSING = ("08", "57P", "53300", "25006", "40001", "40P01")
_log = logging.getLogger("hpo.storage.enduring")


class StorageAway(Exception):
    """The database has been away for too long; the sentence says so."""


class Holder(Protocol):
    """Holds claims on studies, so that one driver at a time writes to each."""

    def take(self, study: str) -> None:
        """Takes the claim on `study`, or raises StudyHeld."""

    def let_go(self, study: str) -> None:
        """Lets go of the claim on `study`."""

    def ensure(self) -> None:
        """Raises what forbids to write."""


class EnduringStorage(Relay):
    """Makes every call as often as it takes.

    Args:
        behind: The database's storage.
        engine: See below.
        claims: Made sure of before each write.
        shown: The database, as it may be shown.

    Attributes:
        engine: The connections of the database's storage.
        shown: The database, as it may be shown.
        stop: Ends the waiting when it is set.
    """

    def __init__(self, behind: BaseStorage, engine: Engine, claims: Holder, shown: str) -> None:
        super().__init__(behind)
        self._claims = claims
        self.engine = engine
        self.stop: StopRequest | None = None
        self.shown = shown
        self._was_shaken = False  # a connection broke: a trial may have been created without anybody knowing
        self._has_given_up = False

        @event.listens_for(engine, "handle_error")
        def _on_error(_: object) -> None:
            self._was_shaken = True

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        if template_trial is not None:
            return super().create_new_trial(study_id, template_trial)
        return self._write(self._create_trial, study_id)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        is_again = False

        def end() -> bool:
            nonlocal is_again
            was_tried, is_again = is_again, True
            try:
                return self._behind.set_trial_state_values(trial_id, state, values)
            except UpdateFinishedTrialError:
                trial = self._behind.get_trial(trial_id)
                if was_tried and trial.state is state and (values is None or trial.values == list(values)):
                    return True  # the try before had reached the database
                raise

        return self._write(end)

    def write_together(self, writes: TrialWrites) -> int:
        """Writes an event of a trial in one transaction; returns the id of the trial."""
        is_again = False

        def write() -> int:
            nonlocal is_again
            was_tried, is_again = is_again, True
            with self.engine.begin() as connection:
                return write_trial(connection, writes, is_again=was_tried)

        return self._write(write)

    @contextmanager
    def held(self, study: str) -> Iterator[None]:
        """Holds the claim on `study`.

        Raises:
            StudyHeld: at once, naming the host and process of the holder.
        """
        self._write(self._claims.take, study)
        try:
            yield
        finally:
            self._claims.let_go(study)

    def _create_trial(self, study_id: int) -> int:
        """Returns a trial without anything in it: one that an earlier try left behind, else a new one."""
        if self._was_shaken:
            blank = self._blank(study_id)
            if blank is not None:
                return blank
            self._was_shaken = False
        created = self._behind.create_new_trial(study_id)
        blank = self._blank(study_id) if self._was_shaken else None  # Optuna itself tries several times
        return created if blank is None else blank

    def _blank(self, study_id: int) -> int | None:
        running = self._behind.get_all_trials(study_id, deepcopy=False, states=(TrialState.RUNNING,))
        blanks = (trial.number for trial in running if not (trial.params or trial.system_attrs or trial.user_attrs))
        number = next(blanks, None)
        return None if number is None else self._behind.get_trial_id_from_study_id_trial_number(study_id, number)

    def _write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def claimed() -> T:
            self._claims.ensure()
            return call(*args, **kwargs)

        return self._ask(claimed, is_written=True)

    def _read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return self._ask(lambda: call(*args, **kwargs))

    def ask(self, call: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Returns what `call` reads over a connection to the database."""

        def connected() -> T:
            with self.engine.connect() as connection:
                return call(connection, *args, **kwargs)

        return self._ask(connected)

    def _ask(self, call: Callable[[], T], *, is_written: bool = False) -> T:
        """Returns what `call` returns, once the database is there.

        Raises:
            StorageAway: if it has been waited for long enough, or a signal came.
            Damaged: if what is in the database was not written so.
        """
        patience, is_waiting = Patience(PATIENCE_S, self._is_over), False
        while True:
            try:
                result = call()
            except Exception as error:
                why = passing(error)
                if not why:
                    spoilt = damage(error, self.shown, is_written=is_written)
                    if spoilt is None:
                        raise
                    raise spoilt from error
                self._was_shaken = True
                if not is_waiting and patience.waited_s > 1.0:
                    _log.warning("%s does not answer (%s); waiting for it.", self.shown, why)
                    is_waiting = True
                if not patience.pause():
                    self._has_given_up = True
                    raise StorageAway(
                        f"{self.shown} does not answer ({why}), and was waited for {patience.waited_s:.0f} s; "
                        "when it does, the same command goes on."
                    ) from error
            else:
                if is_waiting:
                    _log.warning("%s answers again.", self.shown)
                self._has_given_up = False
                return result

    def _is_over(self) -> bool:
        return self._has_given_up or (self.stop is not None and self.stop.is_set)


def held(storage: BaseStorage, study: str) -> AbstractContextManager[None]:
    """Holds `study` in a storage that others can open; in memory nobody can."""
    return storage.held(study) if isinstance(storage, EnduringStorage) else nullcontext()


def heed(storage: BaseStorage, stop: StopRequest) -> None:
    """Lets `stop` end the waiting for a database."""
    if isinstance(storage, EnduringStorage):
        storage.stop = stop


def disconnect(storage: BaseStorage) -> None:
    """Closes the connections of a storage; it opens others when it is called again."""
    if isinstance(storage, EnduringStorage):
        storage.engine.dispose()


def passing(error: BaseException) -> str:
    """Returns what is said about the connection if `error` is about one that may come back; else ""."""
    for each in causes(error):
        if isinstance(each, DBAPIError):
            if each.connection_invalidated:
                return reason(each)
            each = each.orig or each
        if _is_passing(each):
            return reason(each)
    return ""


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, sqlite3.OperationalError):
        return "locked" in str(error)  # by another program: an editor of databases, a backup
    if not type(error).__module__.startswith("psycopg"):
        return False
    state = getattr(error, "sqlstate", None)
    is_connection = type(error).__name__ == "OperationalError" and state is None
    return is_connection or (state or "").startswith(PASSING)
