from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from hpo.commands.console import main
from hpo.machine.files import lack_of_memory, lack_of_room, write_atomically, write_json


def test_replaces_the_whole_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"a longer content")
    write_atomically(path, b"short")
    assert path.read_bytes() == b"short"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_failed_write_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(_descriptor: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_who_may_read_a_file_is_what_the_umask_says(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_json_is_exact_and_refuses_what_json_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"loss": 0.1 + 0.2})
    assert json.loads(path.read_text())["loss"] == 0.1 + 0.2
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"loss": float("nan")})


def test_files_checkpoints_and_the_synthetic_trainer_need_no_torch() -> None:
    heavy = "{'torch', 'fastai', 'optuna', 'mlflow', 'hydra', 'omegaconf', 'pandas'}"
    modules = "hpo.machine.files, hpo.artifacts.checkpoint, hpo.trainers.synthetic"
    code = f"import sys, {modules}; assert not {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_an_error_that_is_its_own_cause_is_looked_at_once() -> None:
    for error, is_about_room in ((PermissionError("no"), False), (OSError(errno.ENOSPC, "full"), True)):
        carrier = RuntimeError("carried through")
        error.__cause__, carrier.__cause__ = carrier, error
        assert bool(lack_of_room(error)) is is_about_room


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried"),
    ],
    ids=str,
)
def test_a_lack_of_memory_pauses_every_command(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def raise_it(_: object) -> None:
        raise RuntimeError("while loading") from error

    monkeypatch.setattr("hpo.commands.study.main", raise_it)
    assert main(["trainer=synthetic"]) == 4
    assert capsys.readouterr().err.startswith("hpo: There is not enough memory (")
    assert lack_of_memory(ValueError("no memory of that")) == ""


def test_a_database_that_cannot_be_opened_for_lack_of_inodes_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    assert lack_of_room(error) == ""
    full = SimpleNamespace(f_files=1000, f_favail=0)
    monkeypatch.setattr("hpo.machine.files.os.statvfs", lambda _: full)
    said = "(unable to open database file: the file system takes no further file, for it has no inode left); free some"
    assert said in lack_of_room(error)
