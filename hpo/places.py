"""The places a command writes to, looked at before it does: whatever cannot take a file is refused, nothing is left.

What is written there is the business of `storage`, `design` and others.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hpo.config import SqliteConfig, StorageConfig
from hpo.remote_folder import is_remote
from hpo.study_folder import STUDIES
from hpo.tables import check_owner, owner_of

MAX_FILE_BYTES = 240  # of 255: SQLite and atomic writes append something


def check_storage(config: StorageConfig, study: str) -> None:
    """Refuses a record, or the folder of a study, where there can be none.

    Raises:
        ValueError: naming the setting and what is in the way.
    """
    beside = Path()
    if isinstance(config, SqliteConfig):
        path = Path(config.path)
        check_file(f"storage.path={config.path}", path, example="storage.path=hpo.db")
        check_database(path)
        beside = path.parent
    folder, given = beside / config.folder, f"storage.folder={config.folder}"
    if is_remote(config.folder):
        folder, given = beside / STUDIES, f"The folder {STUDIES}, for what the driver keeps,"
    for setting, place in ((given, folder), (f"study.name={study}", folder / study)):
        if isinstance(config, SqliteConfig) and place.absolute() == Path(config.path).absolute():
            raise ValueError(f"{setting} is the record, storage.path={config.path}; give one of them another name.")
        check_folder(setting, place)


def check_file(setting: str, path: Path, *, example: str) -> None:
    """Refuses a file that cannot be written; leaves nothing behind.

    Args:
        setting: How the user gave it, for the sentence.
        path: The file, there or not.
        example: How one is given.

    Raises:
        ValueError: naming what is in the way.
    """
    _check_name(setting, path)
    if len(os.fsencode(path.name)) > MAX_FILE_BYTES:
        raise ValueError(f"{setting} is too long a name for a file; give one of {MAX_FILE_BYTES} bytes at most.")
    check_folder(setting, path.parent)
    if path.name in ("", "..") or not path.name.strip() or (path.exists() and not path.is_file()):
        raise ValueError(f"{setting} names no file that can be written; give one, as in {example}.")


def check_folder(setting: str, folder: Path) -> None:
    """Refuses a folder that cannot be made or written to; leaves nothing behind.

    Args:
        setting: How the user gave it, for the sentence: "reports=here".
        folder: The folder.

    Raises:
        ValueError: naming what is in the way.
    """
    _check_name(setting, folder)
    there = folder
    try:
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        TemporaryDirectory(dir=there, prefix=".hpo-").cleanup()  # root may write anywhere but in /proc
    except OSError as error:
        raise ValueError(f"{setting} cannot be written: {there} takes no folder ({error.strerror}).") from error


def _check_name(setting: str, path: Path) -> None:
    """Refuses what YAML can hold and no path can: null bytes, halves of characters."""
    try:
        is_name = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        is_name = False
    if not is_name:
        raise ValueError(f"{setting} cannot be written: it holds a character that no name of a file can.")


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


def os_sentence(error: OSError) -> str:
    """Returns what the system refused, without its number."""
    if error.strerror is None or error.filename is None:
        return str(error)
    return f"{error.filename} cannot be used: {error.strerror}."
