"""The examples run as their first lines say, alike under every executor and after a kill."""

from __future__ import annotations

import signal
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
def test_it_is_short(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path: Path, workdir: Path) -> None:
    done = subprocess.run(command(path, *QUICK[path.stem]), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "hpo.Study" in done.stdout or "report.html" in done.stdout


# Of each example: words for a small one with a pruner that prunes; results that are to be the same.
PRUNING = ["study.ordered=true", "pruner=median", "pruner.n_startup_trials=1", "pruner.n_warmup_epochs=0"]
SAME = {
    "pytorch_gru": ["study.n_trials=4", "study.name={}", *PRUNING],
    "sequence_classification": ["study.n_trials=4", "study.name={}", *PRUNING],
    "fastai_tutorial": ["study.n_trials=3", "study.name={}", "study.metric=valid_loss", *PRUNING],
    "scikit_learn": ["seeds=5", "study.n_trials=4", "name={}", *PRUNING],
}
KILLED_AFTER_S = {"inline": 0.2, "processes": 0.9, "ray": 0.5}  # from when the folders of its trials are there


def results(example: str, name: str) -> pd.DataFrame:
    if example == "scikit_learn":
        records = pd.read_csv(Path("reports", name, "records.csv"))
        return records[["strategy", "seed", "trial", "state", "value", "test", "param.params.alpha"]]
    study = hpo.open_study(name)
    states = study.trials.rename(columns={"number": "trial"})[["trial", "state"]]
    return study.curves.drop(columns="seconds").merge(states, on="trial")


@pytest.mark.slow
@pytest.mark.timeout(1500)  # seven runs, each of which imports and prepares anew
@pytest.mark.parametrize("example", sorted(SAME))
def test_pruned_killed_and_gone_on_with_it_is_the_same_under_every_executor(example: str, workdir: Path) -> None:
    def given(name: str, *words: str) -> list[str]:
        return command(ROOT / "examples" / f"{example}.py", *(word.format(name) for word in SAME[example]), *words)

    subprocess.run(given("whole"), capture_output=True, check=True)
    undisturbed = results(example, "whole")
    assert "PRUNED" in set(undisturbed["state"]), "with nothing pruned, nothing is shown of pruning"
    for executor, wait_s in KILLED_AFTER_S.items():
        words = [f"executor={executor}", *([] if executor == "inline" else ["executor.n_workers=1"])]
        driver = subprocess.Popen(given(executor, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while not list(Path("studies").glob(f"{executor}*/trials")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(wait_s)
        driver.kill()
        assert driver.wait() == -signal.SIGKILL, "it was through before it could be killed"
        subprocess.run(given(executor, *words), capture_output=True, check=True)
        pd.testing.assert_frame_equal(results(example, executor), undisturbed)
