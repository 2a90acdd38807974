"""Claims on studies in a file: two paths to one record, locks that are taken away, and files that are."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from hpo.machine.locks import StudyHeld
from hpo.machine.signals import Ending
from hpo.storage import file_claims
from hpo.storage.enduring import StorageAway, disconnect, held
from hpo.storage.file_claims import FileClaims, check_file_claims
from hpo.storage.sqlite import open_sqlite
from hpo.storage.store import StudyStore
from tests.support.mortal_storage import facts
from tests.support.studies import SYNTHETIC, run_study

COMMAND = (*SYNTHETIC, "study.n_trials=6", "trainer.epoch_s=0.0001", "study.name=x")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[BaseStorage]:
    storage = open_sqlite(tmp_path / "hpo.db")
    yield storage
    disconnect(storage)


def new_study(storage: BaseStorage) -> int:
    return storage.create_new_study([StudyDirection.MAXIMIZE], "x")


def names_in(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [name for (name,) in connection.execute("SELECT key FROM study_system_attributes ORDER BY key")]


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_record_has_one_driver_a_study_by_whatever_path(
    tmp_path: Path, storage: BaseStorage, link: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "hpo.db"
    link(other, tmp_path / "hpo.db")
    rival = FileClaims(other)
    with held(storage, "x"):
        for attempt in (lambda: rival.take("x"), lambda: check_file_claims(other, ["y", "x"])):
            with pytest.raises(StudyHeld, match=f"^Study 'x' is held by process {os.getpid()} on"):
                attempt()
        rival.take("y")
        rival.let_go("y")
    check_file_claims(other, ["x"])
    rival.take("x")
    rival.let_go("x")


def test_two_records_may_have_studies_of_one_name(tmp_path: Path, storage: BaseStorage) -> None:
    other = open_sqlite(tmp_path / "other.db")
    with held(storage, "x"), held(other, "x"):
        pass
    disconnect(other)


def test_a_lock_that_was_taken_away_is_taken_again_or_its_study_left_to_whoever_was_faster(
    tmp_path: Path, storage: BaseStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks = tmp_path / "locks"
    locks.mkdir()
    monkeypatch.setattr(file_claims, "_locks_folder", lambda: locks)
    study, rival = new_study(storage), FileClaims(tmp_path / "hpo.db")
    with held(storage, "x"):
        (lock,) = locks.iterdir()
        lock.unlink()
        storage.set_study_system_attr(study, "a", 1)
        with pytest.raises(StudyHeld):
            rival.take("x")
        lock.unlink()
        rival.take("x")
        with pytest.raises(StudyHeld):
            storage.set_study_system_attr(study, "b", 1)
        rival.let_go("x")
    assert names_in(tmp_path / "hpo.db") == ["a"]
    assert list(locks.iterdir()) == []


def test_a_file_that_was_deleted_is_kept_with_all_that_was_written(tmp_path: Path, storage: BaseStorage) -> None:
    study = new_study(storage)
    with held(storage, "x"):
        storage.set_study_system_attr(study, "a", 1)
        (tmp_path / "hpo.db").unlink()
        kept = tmp_path / f"hpo.db.kept-{os.getpid()}"
        for _ in range(2):
            with pytest.raises(StorageAway, match=f"hpo.db was deleted or replaced .* is in {kept}: move it back, and"):
                storage.set_study_system_attr(study, "b", 1)
    assert names_in(kept) == ["a"]


def test_a_file_that_was_moved_is_named_and_is_whole_by_itself(tmp_path: Path, storage: BaseStorage) -> None:
    study, moved = new_study(storage), tmp_path / "there" / "moved.db"
    moved.parent.mkdir()
    with held(storage, "x"):
        storage.set_study_system_attr(study, "a", 1)
        (tmp_path / "hpo.db").rename(moved)
        with pytest.raises(StorageAway, match=f"what was recorded is in {moved}: move it back"):
            storage.set_study_system_attr(study, "b", 1)
        assert names_in(moved) == ["a"]


def test_a_file_that_was_replaced_leaves_the_new_one_as_it_is(tmp_path: Path, storage: BaseStorage) -> None:
    other = open_sqlite(tmp_path / "other.db")
    other.set_study_system_attr(new_study(other), "theirs", 1)
    disconnect(other)
    study = new_study(storage)
    with held(storage, "x"):
        storage.set_study_system_attr(study, "a", 1)
        (tmp_path / "other.db").replace(tmp_path / "hpo.db")
        with pytest.raises(StorageAway, match=r"hpo\.db was deleted or replaced"):
            storage.set_study_system_attr(study, "b", 1)
    assert names_in(tmp_path / "hpo.db") == ["theirs"]
    assert names_in(tmp_path / f"hpo.db.kept-{os.getpid()}") == ["a"]


def test_a_folder_of_locks_that_is_another_users_is_refused(
    storage: BaseStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.storage.file_claims.os.getuid", lambda: os.geteuid() + 1)
    with pytest.raises(ValueError, match=r"^Studies cannot be locked: /tmp/hpo-locks-\d+ is another user's"):
        file_claims._locks_folder()
    Path(f"/tmp/hpo-locks-{os.geteuid() + 1}").rmdir()


def test_a_study_whose_record_was_deleted_pauses_and_goes_on_when_it_is_back(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = StudyStore.tell

    def tell(store: StudyStore, number: int) -> object:
        told = real(store, number)
        if number == 2:
            Path("hpo.db").unlink()
        return told

    with monkeypatch.context() as patched:
        patched.setattr(StudyStore, "tell", tell)
        paused = run_study(*COMMAND)
    assert paused.ending is Ending.PAUSED
    kept = workdir / f"hpo.db.kept-{os.getpid()}"
    assert f"what was recorded is in {kept}: move it back, and the same command goes on." in paused.obstacle
    kept.rename("hpo.db")
    report = run_study(*COMMAND)
    assert report.ending is Ending.BUDGET
    assert facts(report.trials) == facts(run_study(*COMMAND[:-1], "study.name=y").trials)
