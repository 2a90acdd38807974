"""Places that cannot be written to are refused before anything is there, and looking at them leaves nothing.

Nor is a database shared: Optuna's tables and MLflow's break each other, so either is refused in the other's.
"""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from hpo.machine.paths import check_file, check_folder, os_sentence
from hpo.storage.checks import MLFLOW, OPTUNA, OTHER, check_database, check_storage, owner
from hpo.storage.enduring import disconnect
from hpo.storage.options import MemoryConfig, SqliteConfig
from hpo.storage.postgres import open_postgres
from hpo.storage.record import open_record
from hpo.storage.sqlite import open_sqlite
from hpo.study.refusal import Refused
from hpo.tracking.client import check_uri, open_client
from tests.support.owners import owner_at
from tests.support.studies import SYNTHETIC, compose_config, run_study

MINE = ("trainer=synthetic", "executor=inline", "study.n_trials=2", "study.name=x")
TAKEN = "names a database with the tables of {}, which a record beside them would break; give the record a database"
RECORD = r"names the database of a record \(Optuna's\), which MLflow's tables beside it would break; give MLflow a"
OWN = "is the record, storage.path=.*; give MLflow another"  # of a file, seen before anything is asked


@pytest.mark.parametrize("folder", ["file", "file/reports", "x" * 300])
def test_a_folder_that_cannot_be_made_is_refused(workdir: Path, folder: str) -> None:
    Path("file").write_text("")
    with pytest.raises(ValueError, match=r"reports=it cannot be written: .* takes no folder"):
        check_folder("reports=it", Path(folder))
    check_folder("reports=it", Path("new/and/deep"))
    assert [path.name for path in workdir.iterdir()] == ["file"]


@pytest.mark.parametrize("text", ["a\0b", "a\ud800"])
def test_a_name_that_no_file_can_have_is_refused(workdir: Path, text: str) -> None:
    with pytest.raises(ValueError, match="reports=it cannot be written: it holds a character"):
        check_folder("reports=it", Path(text))
    with pytest.raises(ValueError, match="here=it cannot be written: it holds a character"):
        check_file("here=it", Path(text), example="here=there")


@pytest.mark.parametrize("text", ["x.db", "a/b/x.db"])
def test_a_file_may_be_there_or_not(workdir: Path, text: str) -> None:
    check_file("here=it", Path(text), example="here=there")
    assert list(workdir.iterdir()) == []
    Path("x.db").write_text("")
    check_file("here=it", Path("x.db"), example="here=there")


@pytest.mark.parametrize(
    ("path", "folder", "study", "sentence"),
    [
        ("", "studies", "x", "storage.path= names no file that can be written"),
        (".", "studies", "x", "storage.path=. names no file that can be written"),
        ("there", "studies", "x", "storage.path=there names no file that can be written"),
        ("/dev/null", "studies", "x", "storage.path=/dev/null names no file that can be written"),
        ("file/hpo.db", "studies", "x", "storage.path=file/hpo.db cannot be written"),
        ("/proc/none/hpo.db", "studies", "x", "storage.path=/proc/none/hpo.db cannot be written"),
        ("x" * 250, "studies", "x", "too long a name for a file"),
        ("hpo.db", "file", "x", "storage.folder=file cannot be written"),
        ("hpo.db", "hpo.db", "x", "storage.folder=hpo.db is the record"),
        ("hpo.db", ".", "hpo.db", "study.name=hpo.db is the record"),
        ("hpo.db", ".", "file", "study.name=file cannot be written"),
    ],
)
def test_a_place_that_takes_no_record_is_refused(
    path: str, folder: str, study: str, sentence: str, workdir: Path
) -> None:
    Path("file").write_text("")
    Path("there").mkdir()
    with pytest.raises(ValueError, match=re.escape(sentence)):
        check_storage(SqliteConfig(folder=folder, path=path), study)
    assert sorted(entry.name for entry in workdir.iterdir()) == ["file", "there"]


def test_places_that_are_not_there_yet_are_allowed(workdir: Path) -> None:
    check_storage(SqliteConfig(folder="a/b", path="c/d/hpo.db"), "x")
    check_storage(MemoryConfig(folder="studies"), "x")
    assert list(workdir.iterdir()) == []


def test_what_the_system_refuses_is_said_without_its_number() -> None:
    with pytest.raises(OSError, match="No such file") as error:
        Path("/nowhere/at/all").read_text()
    assert os_sentence(error.value) == "/nowhere/at/all cannot be used: No such file or directory."
    assert os_sentence(OSError("the words of another")) == "the words of another"


def test_the_database_of_something_else_is_left_as_it_is(workdir: Path) -> None:
    with closing(sqlite3.connect("other.db")) as connection:
        connection.execute("CREATE TABLE experiments (id INTEGER)")
    Path("text.db").write_text("no database, but long enough to have a header " * 9)
    for path, sentence in ((Path("other.db"), "the database of something else"), (Path("text.db"), "not a database")):
        before = path.read_bytes()
        with pytest.raises(ValueError, match=sentence):
            check_database(path)
        assert path.read_bytes() == before


def test_a_database_is_allowed_to_be_empty_or_not_there(workdir: Path) -> None:
    check_database(Path("nothing.db"))
    Path("empty.db").write_text("")
    check_database(Path("empty.db"))


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
