"""The record in a file: Optuna's storage over SQLite, made fit for readers beside the driver.

What is read from it is the business of `record`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy import URL, event
from sqlalchemy.exc import SQLAlchemyError

from hpo.machine.errors import first_line
from hpo.machine.locks import folder_locked
from hpo.machine.paths import is_file
from hpo.storage.checks import NoRecord, check_database
from hpo.storage.enduring import EnduringStorage
from hpo.storage.file_claims import FileClaims

BUSY_S = 60  # what SQLite itself waits for whoever writes


def read_sqlite(path: str) -> BaseStorage:
    """Returns the storage of the record in a file, to be read.

    Raises:
        ValueError: if there is none, or it cannot be read.
    """
    if not is_file(path) or not Path(path).stat().st_size:
        raise NoRecord(f"There is no record at storage.path={path}; go to the folder where the studies ran.")
    try:
        check_database(Path(path), must_exist=True)
        storage = open_sqlite(Path(path))
        storage.get_all_studies()
    except (SQLAlchemyError, RuntimeError, OSError) as error:
        raise ValueError(f"storage.path={path} is no record that can be read: {first_line(error)}.") from error
    return storage


def open_sqlite(path: Path) -> BaseStorage:
    """Returns the storage in a file, created if it is not there yet.

    Raises:
        ValueError: if the file is another program's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with folder_locked(path.parent):
        check_database(path)
        url = URL.create("sqlite", database=str(path.absolute()))  # a name may hold signs that mean something in URLs
        template = url.render_as_string().replace("{", "{{").replace("}", "}}")  # Optuna fills in its version
        storage = RDBStorage(template, engine_kwargs={"connect_args": {"timeout": BUSY_S}})

    @event.listens_for(storage.engine, "connect")
    def _on_connect(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")  # readers and other studies do not block the driver
        connection.execute("PRAGMA synchronous=NORMAL")  # a killed process loses nothing

    storage.engine.dispose()  # connections made before the listener have neither setting
    return EnduringStorage(get_storage(storage), storage.engine, FileClaims(path), f"storage.path={path}")
