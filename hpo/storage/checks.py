"""The places a command writes to, looked at before it does: whatever cannot take a file is refused, nothing is left.

What is written there is the business of `storage`, `design` and others.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from hpo.artifacts.folders import STUDIES
from hpo.config.schema import StorageConfig
from hpo.machine.paths import check_file, check_folder
from hpo.machine.remote import is_remote
from hpo.storage.owner import check_owner, owner_of


def check_storage(config: StorageConfig, study: str) -> None:
    """Refuses a record, or the folder of a study, where there can be none.

    Raises:
        ValueError: naming the setting and what is in the way.
    """
    beside, file = config.beside, config.file
    if file is not None:
        check_file(config.place, file, example="storage.path=hpo.db")
        check_database(file)
    folder, given = beside / config.folder, f"storage.folder={config.folder}"
    if is_remote(config.folder):
        folder, given = beside / STUDIES, f"The folder {STUDIES}, for what the driver keeps,"
    for setting, place in ((given, folder), (f"study.name={study}", folder / study)):
        if file is not None and place.absolute() == file.absolute():
            raise ValueError(f"{setting} is the record, {config.place}; give one of them another name.")
        check_folder(setting, place)


def check_database(path: Path, *, must_exist: bool = False) -> None:
    """Refuses a file that is no database, or the database of something else, which would get our tables.

    Args:
        path: The file.
        must_exist: Whether the record in it is going to be read, not made.

    Raises:
        ValueError: saying so.
    """
    if not path.is_file() or not path.stat().st_size:
        return
    refused = f"storage.path={path} {'is no record that can be read' if must_exist else 'cannot hold the record'}"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            is_versioned = "alembic_version" in tables
            revisions = connection.execute("SELECT version_num FROM alembic_version").fetchall() if is_versioned else []
    except sqlite3.Error as error:
        raise ValueError(f"{refused}: {error}; give another file.") from error
    found = owner_of(tables, [str(revision) for (revision,) in revisions])
    check_owner(found, f"storage.path={path}", must_exist=must_exist)
    if tables and not tables & {"studies", "version_info"}:
        raise ValueError(f"{refused}: it is the database of something else.")
