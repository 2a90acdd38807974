"""The places a command writes to, looked at before it does: whatever cannot take a file is refused, nothing is left.

So is a database with the tables of another program. Optuna and MLflow both keep their revision in a table of one name,
so that each breaks in a database of the other's.
"""

from __future__ import annotations

import re
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


class NoRecord(ValueError):
    """Nothing is wrong with the place, but no study was recorded there yet."""


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
    from sqlalchemy import URL, create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    shown = f"storage.path={path}"
    refused = f"{shown} {'is no record that can be read' if must_exist else 'cannot hold the record'}"
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    try:
        tables, found = _tables(engine), owner(engine)
    except DBAPIError as error:
        raise ValueError(f"{refused}: {error.orig}; give another file.") from error
    check_owner(found, shown, must_exist=must_exist)
    if tables and not tables & {"studies", "version_info"}:
        raise ValueError(f"{refused}: it is the database of something else.")


def owner(engine: Engine) -> str:
    """Returns whose tables the database holds: OPTUNA, MLFLOW, OTHER, or "" while it holds none of note.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: if it cannot be asked.
    """
    from sqlalchemy import text

    names, revisions = _tables(engine), list[str]()
    if "alembic_version" in names:
        with engine.connect() as connection:
            revisions += connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
    if any(REVISION.fullmatch(revision) for revision in revisions):
        return OPTUNA
    if names >= OF_MLFLOW:
        return MLFLOW
    if revisions:
        return OTHER
    return OPTUNA if names >= OF_OPTUNA else ""


def _tables(engine: Engine) -> set[str]:
    from sqlalchemy import inspect

    return set(inspect(engine).get_table_names())


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
