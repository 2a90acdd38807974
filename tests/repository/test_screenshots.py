"""The pictures of a study in a real MLflow UI, taken by a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.commands.sync import main as sync
from tests.support import ROOT
from tests.support.browser import HAS_CHROMIUM

SCRIPT = ROOT / "docs" / "pictures.py"
PICTURES = {"run", "confusion", "calibration", "classes", "mistakes"}


def take(*words: str) -> subprocess.CompletedProcess[str]:
    root = ROOT
    path = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )


@pytest.mark.slow
@pytest.mark.skipif(not HAS_CHROMIUM, reason="needs chromium")
def test_the_ui_shows_the_matrix_and_the_mistakes(kept_study: Path, workdir: Path) -> None:
    shutil.copy(kept_study / "hpo.db", workdir / "hpo.db")
    shutil.copytree(kept_study / "studies", workdir / "studies")
    assert sync([]) == 0
    done = take(str(workdir), "tiny", str(workdir / "pictures"))
    assert done.returncode == 0, done.stderr
    pictures = {path.name: path.read_bytes() for path in (workdir / "pictures").iterdir()}
    assert set(pictures) == {f"mlflow-{name}.png" for name in PICTURES}
    assert len(set(pictures.values())) == len(PICTURES)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    done = take(str(tmp_path), "tiny", str(tmp_path / "pictures"))
    assert done.returncode == 1
    assert "has no mlflow.db" in done.stderr
    assert not (tmp_path / "pictures").exists()
