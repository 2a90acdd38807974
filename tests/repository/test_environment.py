"""`make env`: the file with the passwords of docker-compose.yml."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.compose_stack import ROOT, read_environment, write_environment

SCRIPT = ROOT / "docker" / "environment.py"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *words], capture_output=True, text=True, check=False)


def test_each_file_has_its_own_passwords(tmp_path: Path) -> None:
    first, second = (write_environment(tmp_path / name) for name in ("first", "second"))
    secrets = {name for name, value in first.items() if re.fullmatch("[0-9a-f]{48}", value)}
    assert len(secrets) == 6
    assert not {first[name] for name in secrets} & {second[name] for name in secrets}
    assert {name: first[name] for name in first if name not in secrets} == {
        name: second[name] for name in second if name not in secrets
    }


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    write_environment(tmp_path / ".env")
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("POSTGRES_PASSWORD=mine\n")
    done = run(str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"{path} is there already and holds the passwords of what was started with it; it stays as it is. "
        "Delete it to have another one.\n"
    )
    assert path.read_text() == "POSTGRES_PASSWORD=mine\n"


def test_a_dangling_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "elsewhere")
    assert run(str(tmp_path / ".env")).returncode == 2
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run(str(tmp_path / "nowhere" / ".env"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{tmp_path}/nowhere/.env cannot be written (No such file or directory).\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not here")
@pytest.mark.parametrize(("words", "artifacts"), [((), "/artifacts"), (("S3=1",), "s3://mlflow")])
def test_make_env_writes_it_once(words: tuple[str, ...], artifacts: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "docker").mkdir()
    shutil.copy(SCRIPT, tmp_path / "docker")
    make = ["make", "-C", str(tmp_path), "env", f"PYTHON={sys.executable}", *words]
    assert subprocess.run(make, capture_output=True, check=False).returncode == 0
    assert read_environment(tmp_path / ".env")["ARTIFACTS"] == artifacts
    again = subprocess.run(make, capture_output=True, text=True, check=False)
    assert again.returncode == 2
    assert ".env is there already" in again.stderr
