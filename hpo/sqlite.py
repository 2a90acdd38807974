"""The record in a SQLite file: how it is opened so that readers and other studies do not block the driver.

What is in it is `storage`'s business.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from optuna.storages import BaseStorage, RDBStorage, get_storage
from sqlalchemy import URL, create_engine, event
from sqlalchemy.pool import NullPool

from hpo.lock import folder_locked
from hpo.outage import EnduringStorage
from hpo.tables import check_for_record

BUSY_S = 60  # what SQLite itself waits for whoever writes


def open_sqlite(path: Path) -> BaseStorage:
    """Returns the storage in a file, created if it is not there yet.

    Raises:
        ValueError: if the file is another program's.
    """
    shown = f"storage.path={path}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with folder_locked(path.parent):
        if path.exists():
            check_for_record(create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool), shown)
        url = URL.create("sqlite", database=str(path.absolute()))  # a name may hold signs that mean something in URLs
        template = url.render_as_string().replace("{", "{{").replace("}", "}}")  # Optuna fills in its version
        storage = RDBStorage(template, engine_kwargs={"connect_args": {"timeout": BUSY_S}})

    @event.listens_for(storage.engine, "connect")
    def _on_connect(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")  # readers and other studies do not block the driver
        connection.execute("PRAGMA synchronous=NORMAL")  # a killed process loses nothing

    storage.engine.dispose()  # connections made before the listener have neither setting
    return cast(BaseStorage, EnduringStorage(get_storage(storage), storage.engine, None, shown))  # see its docstring
