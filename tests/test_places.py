"""Places that cannot be written to are refused before anything is there, and looking at them leaves nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpo.config import MemoryConfig, SqliteConfig
from hpo.places import check_folder, check_storage, os_sentence


@pytest.mark.parametrize("folder", ["file", "file/reports", "x" * 300, "a\0b"])
def test_a_folder_that_cannot_be_made_is_refused(workdir: Path, folder: str) -> None:
    Path("file").write_text("")
    with pytest.raises(ValueError, match=r"reports=it cannot be written: .* takes no folder"):
        check_folder("reports=it", Path(folder))
    check_folder("reports=it", Path("new/and/deep"))
    assert [path.name for path in workdir.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("path", "folder", "study", "sentence"),
    [
        ("", "studies", "x", "storage.path= cannot hold the record: it is no file"),
        (".", "studies", "x", "storage.path=. cannot hold the record: it is no file"),
        ("there", "studies", "x", "storage.path=there cannot hold the record: it is no file"),
        ("/dev/null", "studies", "x", "storage.path=/dev/null cannot hold the record: it is no file"),
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
