"""Claims on studies in a PostgreSQL database: one driver a study, on whatever machine it runs.

Each is an advisory lock of the server: it lets go of it when the connection of its holder ends. The lock of a study's
folder is in `machine.locks`.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.config.schema import StorageConfig
from hpo.machine.locks import StudyHeld, StudyLock
from hpo.storage.address import Address

if TYPE_CHECKING:
    from psycopg import Connection

HOLDER = re.compile(r"hpo (?P<pid>\d+) on (?P<host>.*?)(?: #\w+)?$")
MAX_HOST = 36  # the server cuts the names of applications at 63 bytes
FIND = """
SELECT activity.application_name, activity.pid
FROM pg_locks AS held JOIN pg_stat_activity AS activity USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
  AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND held.classid = %s::oid AND held.objid = %s::oid
"""
# A server keeps the session of a machine that is gone for two hours, unless it looks after it more often.
# And some end sessions that are silent for long (since PostgreSQL 14), as this one is.
KEEP_ALIVE = """
SELECT set_config(name, value, false)
FROM (VALUES ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'),
      ('idle_session_timeout', '0')) AS wanted (name, value) JOIN pg_settings USING (name)
"""


class Claims:
    """The claims of one driver, all on one connection that is used for nothing else."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._application = f"hpo {os.getpid()} on {socket.gethostname()[:MAX_HOST]} #{secrets.token_hex(4)}"
        self._connection: Connection | None = None
        self._studies: list[str] = []

    def take(self, study: str) -> None:
        """Takes the claim on `study`.

        Raises:
            StudyHeld: at once, naming the host and process of the holder.
            psycopg.OperationalError: if the database is away.
        """
        try:
            self._take(study)
            self._studies.append(study)
        finally:
            self._drop_unused()

    def let_go(self, study: str) -> None:
        """Lets go of the claim on `study`."""
        import psycopg

        self._studies.remove(study)
        with suppress(psycopg.Error):  # a lost connection holds nothing
            if self._connection is not None:
                _fetch(self._connection, "SELECT pg_advisory_unlock(%s)", _key(self._connection, study))
        self._drop_unused()

    def ensure(self) -> None:
        """Takes all claims again if their connection was lost; called before each write.

        Raises:
            StudyHeld: if another driver has taken a study over.
            psycopg.OperationalError: if the database is away.
        """
        if self._studies and not _is_alive(self._connection):
            self._drop()
            try:
                for study in self._studies:
                    self._take(study)
            except BaseException:
                self._drop()  # all or none: the next write tries again
                raise

    def _take(self, study: str) -> None:
        connection = self._open()
        for is_last in (False, True):
            key = _key(connection, study)
            if _fetch(connection, "SELECT pg_try_advisory_lock(%s)", key)[0][0]:
                return
            holders = _holders(connection, key)
            ours = [pid for application, pid in holders if application == self._application]
            if is_last or not ours:  # our own earlier session: the server has not noticed that it is gone
                raise held_by(study, [application for application, _ in holders])
            _fetch(connection, "SELECT pg_terminate_backend(%s, 5000)", ours[0])

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._address.connect(application=self._application, autocommit=True)
            self._connection.execute(KEEP_ALIVE)
        return self._connection

    def _drop_unused(self) -> None:
        if not self._studies:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def check_claims(address: Address, studies: list[str]) -> None:
    """Refuses early, changing nothing, when another driver holds one of `studies`.

    Raises:
        StudyHeld: naming the host and process of the holder.
        ValueError: if the database cannot be connected to.
    """
    import psycopg

    try:
        with address.connect(autocommit=True) as connection:
            for study in studies:
                holders = _holders(connection, _key(connection, study))
                if holders:
                    raise held_by(study, [application for application, _ in holders])
    except psycopg.Error as error:
        raise ValueError(address.explain(error)) from None


def check_free(config: StorageConfig, folders: Mapping[str, Path]) -> None:
    """Refuses early, creating nothing, when another driver holds one of the studies.

    Args:
        config: Where the record lives.
        folders: The studies' folders, by their names.

    Raises:
        StudyHeld: naming the host and process of the holder.
        ValueError: if the record's database cannot be connected to.
    """
    for name, folder in folders.items():
        StudyLock(folder, name).check()
    config.check_claims(folders)


@contextmanager
def creating(address: Address) -> Iterator[None]:
    """Keeps others from creating tables in the database: Optuna does it unguarded, two at once break each other.

    Raises:
        psycopg.OperationalError: if the database is away, or another one has been creating tables for a minute.
    """
    with address.connect(autocommit=True) as connection:
        connection.execute("SET lock_timeout = '60s'")
        _fetch(connection, "SELECT pg_advisory_lock(%s)", _key(connection, ""))
        yield


def held_by(study: str, holders: list[str]) -> StudyHeld:
    found = HOLDER.match(holders[0]) if holders else None
    return StudyHeld(study, found["pid"], found["host"]) if found else StudyHeld(study)


def _is_alive(connection: Connection | None) -> bool:
    """Returns whether the server has not ended a connection, without asking it."""
    import psycopg

    if connection is None or connection.closed:
        return False
    try:
        connection.pgconn.consume_input()  # what the server says last
        connection.pgconn.consume_input()  # and that it went
    except psycopg.OperationalError:
        return False
    return not connection.broken


def _key(connection: Connection, study: str) -> int:
    """Returns the number that stands for `study`; two schemas of one database are two records."""
    schema = _fetch(connection, "SELECT current_schema()")[0][0]
    name = f"hpo study {schema} {study}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


def _holders(connection: Connection, key: int) -> list[tuple[str, int]]:
    """Returns the applications, and the server's processes for them, that hold the lock `key`."""
    high, low = divmod(key % 2**64, 2**32)
    return [(str(application), int(pid)) for application, pid in _fetch(connection, FIND, high, low)]


def _fetch(connection: Connection, query: str, *values: object) -> list[tuple[Any, ...]]:
    return connection.execute(query.encode(), values or None).fetchall()
