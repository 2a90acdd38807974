"""The examples run as their first lines say, alike under every executor and after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import hpo
from tests.support import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
QUICK = {
    "fastai_tutorial": ["study.n_trials=2"],
    "pytorch_gru": ["study.n_trials=2", "train.epochs=2"],
    "scikit_learn": ["seeds=5", "study.n_trials=2", "budget.size=6", "storage.path=hpo.db"],
    "sequence_classification": ["study.n_trials=2"],
}
MAX_LINES = 60


def command(path: Path, *words: str) -> list[str]:
    return [sys.executable, str(path), "tracking=none", *words]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_short_and_runs(path: Path, workdir: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES
    done = subprocess.run(command(path, *QUICK[path.stem]), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hpo.Study" in done.stdout or "report.html" in done.stdout


def curves(name: str) -> pd.DataFrame:
    return hpo.open_study(name).curves.drop(columns="seconds")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pytorch_gru", "sequence_classification"])
def test_it_is_the_same_under_every_executor_and_after_kills(name: str, workdir: Path) -> None:
    path = ROOT / "examples" / f"{name}.py"
    words = ["study.n_trials=4", "study.ordered=true", "executor.n_workers=1"]
    inline = ["study.n_trials=4", "study.ordered=true"]
    subprocess.run(command(path, *inline, "study.name=inline"), capture_output=True, check=True)
    for executor in ("processes", "ray"):
        given = [*words, f"executor={executor}", f"study.name={executor}"]
        subprocess.run(command(path, *given), capture_output=True, check=True)
        pd.testing.assert_frame_equal(curves(executor), curves("inline"))
    killed = command(path, *words, "executor=processes", "study.name=killed")
    for wait_s in (0.2, 0.7):
        driver = subprocess.Popen(killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        trials = Path("studies/killed/trials")
        deadline = time.monotonic() + 120
        while not trials.is_dir() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(wait_s)
        driver.kill()
        driver.wait()
    subprocess.run(killed, capture_output=True, check=True, env=os.environ)
    pd.testing.assert_frame_equal(curves("killed"), curves("inline"))
