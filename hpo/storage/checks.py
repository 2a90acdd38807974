"""The places a command writes to, looked at before it does: whatever cannot take a file is refused, nothing is left.

So is a database with the tables of another program. Optuna and MLflow both keep their revision in a table of one name,
so that each breaks in a database of the other's.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.artifacts.folders import STUDIES
from hpo.config.schema import StorageConfig
from hpo.machine.paths import check_file, check_folder
from hpo.machine.remote import is_remote

if TYPE_CHECKING:
    from sqlalchemy import Engine

OPTUNA, MLFLOW, OTHER = "Optuna", "MLflow", "another program"
REVISION = re.compile(r"v\d+\.\d+\.\d+\.\w+")  # Optuna's; MLflow's are hexadecimal
OF_OPTUNA, OF_MLFLOW = {"studies", "trials", "version_info"}, {"experiments", "runs", "metrics"}


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


def owner(engine: Engine) -> str:
    """Returns whose tables the database holds: OPTUNA, MLFLOW, OTHER, or "" while it holds none of note.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: if it cannot be asked.
    """
    from sqlalchemy import inspect, text

    with engine.connect() as connection:
        names = set(inspect(connection).get_table_names())
        revisions: Iterable[str] = ()
        if "alembic_version" in names:
            revisions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return owner_of(names, list(revisions))


def owner_of(names: set[str], revisions: Iterable[str]) -> str:
    """Returns whose tables these are.

    Args:
        names: The tables.
        revisions: What is in the table `alembic_version`, if there is one.
    """
    revisions = list(revisions)
    if any(REVISION.fullmatch(revision) for revision in revisions):
        return OPTUNA
    if names >= OF_MLFLOW:
        return MLFLOW
    if revisions:
        return OTHER
    return OPTUNA if names >= OF_OPTUNA else ""


def check_owner(found: str, shown: str, *, must_exist: bool = False) -> str:
    """Returns `found`, whose tables a database holds.

    Raises:
        ValueError: if there is no record, and one would break them.
    """
    if found in (MLFLOW, OTHER) and must_exist:
        raise ValueError(f"{shown} names a database with the tables of {found}, no record; name that of the studies.")
    if found in (MLFLOW, OTHER):
        raise ValueError(
            f"{shown} names a database with the tables of {found}, which a record beside them would break; "
            "give the record a database of its own."
        )
    return found


def check_for_runs(engine: Engine, shown: str) -> None:
    """Refuses a database that MLflow would break.

    Raises:
        ValueError: if it holds a record of Optuna's.
    """
    if owner(engine) == OPTUNA:
        raise ValueError(
            f"{shown} names the database of a record (Optuna's), which MLflow's tables beside it would break; "
            "give MLflow a database of its own."
        )
