"""Optuna's tables and MLflow's break each other in one database: either is refused in the other's, and says so."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from hpo.storage.enduring import disconnect
from hpo.storage.owner import MLFLOW, OPTUNA, OTHER, owner
from hpo.storage.postgres import open_postgres
from hpo.storage.storage import open_record, open_sqlite
from hpo.study.refusal import Refused
from hpo.tracking.client import check_uri, open_client
from tests.support.owners import owner_at
from tests.support.studies import SYNTHETIC, compose_config, run_study

MINE = ("trainer=synthetic", "executor=inline", "study.n_trials=2", "study.name=x")
TAKEN = "names a database with the tables of {}, which a record beside them would break; give the record a database"
RECORD = r"names the database of a record \(Optuna's\), which MLflow's tables beside it would break; give MLflow a"


OWN = "is the record, storage.path=.*; give MLflow another"  # of a file, seen before anything is asked


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, workdir: Path) -> str:
    """The address of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{workdir}/shared.db"
    return str(request.getfixturevalue("database"))


def storage_words(url: str) -> tuple[str, ...]:
    if url.startswith("sqlite"):
        return (f"storage.path={url.removeprefix('sqlite:///')}",)
    return ("storage=postgres", f"storage.url={url}")


def make_mlflow(url: str) -> None:
    """Lets MLflow make its tables, in a process of its own: it keeps its connections."""
    code = "import sys; from mlflow import MlflowClient; MlflowClient(sys.argv[1]).search_experiments()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, url], check=True, capture_output=True)


def make_record(url: str) -> None:
    run_study(*MINE, "tracking=none", *storage_words(url))


@pytest.mark.parametrize("url", [pytest.param("sqlite", marks=pytest.mark.slow), "postgres"], indirect=True)
def test_a_record_is_refused_in_the_database_of_mlflow(url: str) -> None:
    make_mlflow(url)
    assert owner_at(url) == MLFLOW
    with pytest.raises(Refused, match=TAKEN.format("MLflow")):
        make_record(url)
    with pytest.raises(
        ValueError, match=r"^storage\.\w+=\S+ names a database with the tables of MLflow, no record; name"
    ):
        open_record(compose_config(*storage_words(url))[0].storage)
    assert owner_at(url) == MLFLOW  # nothing was made in it
    check_uri(url)  # so MLflow goes on


def test_mlflow_is_refused_in_the_database_of_a_record(url: str) -> None:
    make_record(url)
    assert owner_at(url) == OPTUNA
    with pytest.raises((Refused, ValueError), match=f"{RECORD}|{OWN}"):
        run_study(*MINE, *storage_words(url), f"tracking.uri={url}", "study.n_trials=3")
    with pytest.raises(ValueError, match=RECORD):
        check_uri(url)
    make_record(url)  # the record goes on


def test_one_new_database_for_both_is_refused_before_the_first_trial(url: str) -> None:
    with pytest.raises((Refused, ValueError), match=f"{RECORD}|{OWN}"):
        run_study(*MINE, *storage_words(url), f"tracking.uri={url}")
    make_record(url)


def test_the_tables_of_other_programs_are_left_alone(url: str, workdir: Path) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    assert owner(engine) == ""
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('686269002441')")
    assert owner(engine) == OTHER
    with pytest.raises(Refused, match=TAKEN.format(OTHER)):
        make_record(url)


@pytest.mark.slow
def test_the_revision_decides_where_somebody_had_mixed_them(workdir: Path) -> None:
    """As they were before this was refused: Optuna makes its tables before it looks at the revision."""
    make_mlflow("sqlite:///mixed.db")
    make_record("sqlite:///own.db")
    with sqlite3.connect("own.db") as own, sqlite3.connect("mixed.db") as mixed:
        for (statement,) in own.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name != ?", _VERSION):
            mixed.execute(statement)
    own.close()
    mixed.close()
    assert owner_at("sqlite:///mixed.db") == MLFLOW
    open_client(f"sqlite:///{workdir}/mixed.db")


_VERSION = ("alembic_version",)


def test_signs_in_a_path_mean_nothing(workdir: Path) -> None:
    for name in ("{x}.db", "a b.db", "50%.db", "{", "}", "{run} {}/{0}.db"):
        disconnect(open_sqlite(workdir / name))
        assert (workdir / name).is_file()


def test_a_database_that_is_away_holds_nobody_up(workdir: Path) -> None:
    uri = "postgresql://127.0.0.1:1/mlflow"
    assert check_uri(uri) == uri
    run_study(*SYNTHETIC, "study.n_trials=1")


def test_a_record_is_asked_for_where_there_is_none(database: str) -> None:
    with pytest.raises(ValueError, match=r"There is no record in the database of storage.url=.* yet"):
        open_postgres(database, must_exist=True)
    assert owner_at(database) == ""
