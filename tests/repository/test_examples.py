"""The examples run as their first lines say, alike under every executor and after a kill."""

from __future__ import annotations

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


# Of each example: words for a small one, whose names differ by executor; results that are to be the same.
SAME = {
    "pytorch_gru": ["study.n_trials=4", "study.ordered=true", "study.name={}"],
    "sequence_classification": ["study.n_trials=4", "study.ordered=true", "study.name={}"],
    "fastai_tutorial": ["study.n_trials=2", "study.ordered=true", "study.name={}"],
    "scikit_learn": ["seeds=5", "study.n_trials=3", "name={}"],
}


def results(example: str, name: str) -> pd.DataFrame:
    if example == "scikit_learn":
        records = pd.read_csv(Path("reports", name, "records.csv"))
        return records[["strategy", "seed", "trial", "value", "test", "param.params.alpha"]]
    return hpo.open_study(name).curves.drop(columns="seconds")


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted(SAME))
def test_it_is_the_same_under_every_executor_and_after_kills(example: str, workdir: Path) -> None:
    def given(name: str, *words: str) -> list[str]:
        return command(ROOT / "examples" / f"{example}.py", *(word.format(name) for word in SAME[example]), *words)

    subprocess.run(given("inline"), capture_output=True, check=True)
    for executor in ("processes", "ray"):
        subprocess.run(given(executor, f"executor={executor}", "executor.n_workers=1"), capture_output=True, check=True)
        pd.testing.assert_frame_equal(results(example, executor), results(example, "inline"))
    killed = given("killed", "executor=processes", "executor.n_workers=1")
    for wait_s in (0.2, 0.9):
        driver = subprocess.Popen(killed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not list(Path("studies").glob("killed*/trials")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(wait_s)
        driver.kill()
        driver.wait()
    subprocess.run(killed, capture_output=True, check=True)
    pd.testing.assert_frame_equal(results(example, "killed"), results(example, "inline"))
