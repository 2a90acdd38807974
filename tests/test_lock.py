"""Locks between processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.lock import StudyHeld, StudyLock, folder_locked

HOLD = "import sys, time; from pathlib import Path; from hpo.lock import StudyLock\n"
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
        "import sys, time; from pathlib import Path; from hpo.lock import StudyHeld, StudyLock\n"
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


def test_a_locked_folder_is_free_again_and_has_no_file(tmp_path: Path) -> None:
    for _ in range(2):
        with folder_locked(tmp_path):
            assert list(tmp_path.iterdir()) == []
