"""Locks between processes."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hpo.commands.console import main
from hpo.machine.locks import StudyHeld, StudyLock, folder_locked

HOLD = "import sys, time; from pathlib import Path; from hpo.machine.locks import StudyLock\n"
HOLD += "with StudyLock(Path(sys.argv[1]), 'x'): print('held', flush=True); time.sleep(60)"


def test_a_second_holder_is_refused_and_told_who_holds(tmp_path: Path) -> None:
    with StudyLock(tmp_path, "x"), pytest.raises(StudyHeld) as refusal, StudyLock(tmp_path, "x"):
        pass
    assert f"Study 'x' is held by process {os.getpid()} on {socket.gethostname()}" in str(refusal.value)


def test_checking_refuses_too_but_creates_nothing(tmp_path: Path) -> None:
    StudyLock(tmp_path / "new", "x").check()
    assert not (tmp_path / "new").exists()
    with StudyLock(tmp_path, "x"), pytest.raises(StudyHeld):
        StudyLock(tmp_path, "x").check()
    StudyLock(tmp_path, "x").check()


def test_a_dead_holder_does_not_block(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StudyHeld, match=f"process {holder.pid}"):
            StudyLock(tmp_path, "x").check()
        holder.kill()
    with StudyLock(tmp_path, "x"):
        pass


def test_the_lock_goes_with_its_holder_and_excludes_everybody_meanwhile(tmp_path: Path) -> None:
    with StudyLock(tmp_path, "x"):
        assert (tmp_path / "lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_many_who_want_it_get_it_one_at_a_time(tmp_path: Path) -> None:
    """Each holds it for a moment only, so files come and go: nobody may lock one that is gone."""
    code = (
        "import sys, time; from pathlib import Path; from hpo.machine.locks import StudyHeld, StudyLock\n"
        "folder, n = Path(sys.argv[1]), 0\n"
        "while n < 60:\n"
        "    try:\n"
        "        with StudyLock(folder, 'x'):\n"
        "            (folder / 'inside').touch(exist_ok=False)\n"
        "            (folder / 'inside').unlink()\n"
        "            n += 1\n"
        "    except StudyHeld:\n"
        "        pass\n"
    )
    rivals = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [rival.wait(60) for rival in rivals] == [0] * 4


def deny_writing(monkeypatch: pytest.MonkeyPatch, path: Path, *, reading: bool = False) -> None:
    """Lets `path` be another user's, whoever runs the tests."""
    real = os.open

    def denying(file: Any, flags: int, *mode: int) -> int:
        if Path(file) == path and path.exists() and (flags & os.O_RDWR or reading):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(file, flags, *mode)

    monkeypatch.setattr("hpo.machine.locks.os.open", denying)


def test_a_lock_of_another_user_names_its_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with StudyLock(tmp_path, "x"):
        deny_writing(monkeypatch, tmp_path / "lock")
        for attempt in (StudyLock(tmp_path, "x").check, StudyLock(tmp_path, "x").__enter__):
            with pytest.raises(StudyHeld, match=f"held by process {os.getpid()} on"):
                attempt()


def test_a_lock_that_another_user_left_behind_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lock").write_text('{"host": "gone", "pid": 1}')
    with monkeypatch.context() as patched:
        deny_writing(patched, tmp_path / "lock")
        StudyLock(tmp_path, "x").check()
    assert "gone" in (tmp_path / "lock").read_text()
    deny_writing(monkeypatch, tmp_path / "lock")  # until it is gone
    with StudyLock(tmp_path, "x"):
        assert f'"pid": {os.getpid()}' in (tmp_path / "lock").read_text()
        with pytest.raises(StudyHeld):
            StudyLock(tmp_path, "x").check()


def test_a_lock_that_cannot_be_opened_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lock").touch()
    deny_writing(monkeypatch, tmp_path / "lock", reading=True)
    with pytest.raises(
        ValueError, match=r"^Study 'x' cannot be locked: .*lock cannot be opened \(Permission denied\); ask"
    ):
        StudyLock(tmp_path, "x").check()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_not_taken_for_a_holder(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("hpo.machine.locks.fcntl.flock", refuse)
    with pytest.raises(ValueError, match="gives no locks"), StudyLock(workdir / "studies" / "x", "x"):
        pass
    assert main(["trainer=synthetic", "tracking=none", "study.name=x"]) == 2
    said = capsys.readouterr().err
    assert f"Study 'x' cannot be locked: the file system of {workdir}/studies/x/lock gives no locks" in said
    assert "keep studies on another one by storage.folder=FOLDER" in said
    assert said.count("\n") == 1


def test_what_else_the_system_refuses_is_a_sentence(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (workdir / "studies" / "x" / "lock").mkdir(parents=True)
    assert main(["trainer=synthetic", "tracking=none", "study.name=x"]) == 2
    assert capsys.readouterr().err == f"hpo: {workdir}/studies/x/lock cannot be used: Is a directory.\n"


def test_the_lock_of_a_shared_folder_is_for_its_group(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        with StudyLock(tmp_path, "x"):
            assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o664
    finally:
        os.umask(before)


def test_a_locked_folder_is_free_again_and_has_no_file(tmp_path: Path) -> None:
    for _ in range(2):
        with folder_locked(tmp_path):
            assert list(tmp_path.iterdir()) == []
