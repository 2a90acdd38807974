"""Places that cannot be written to are refused before anything is there, and looking at them leaves nothing."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hpo.machine.paths import check_file, check_folder, os_sentence
from hpo.storage.checks import check_database, check_storage
from hpo.storage.options import MemoryConfig, SqliteConfig


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
