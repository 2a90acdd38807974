"""Whose tables a database holds: Optuna's record, MLflow's runs, or another program's.

Both keep their revision in a table of one name, so that each breaks in a database of the other's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

OPTUNA, MLFLOW, OTHER = "Optuna", "MLflow", "another program"
REVISION = re.compile(r"v\d+\.\d+\.\d+\.\w+")  # Optuna's; MLflow's are hexadecimal
OF_OPTUNA, OF_MLFLOW = {"studies", "trials", "version_info"}, {"experiments", "runs", "metrics"}


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


def check_for_record(engine: Engine, shown: str, *, must_exist: bool = False) -> bool:
    """Returns whether there is a record in a database already.

    Args:
        engine: Connects to it.
        shown: The setting that names it, as it may be shown.
        must_exist: Whether it is going to be read, not made.

    Raises:
        ValueError: if the database is another program's.
    """
    return check_owner(owner(engine), shown, must_exist=must_exist) == OPTUNA


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
