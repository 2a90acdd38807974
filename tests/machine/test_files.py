from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.machine.files import lack_of_room, write_atomically, write_json


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
