"""A study of a thousand finished trials goes on within seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

N_TRIALS = 1_000
STUDY = ("trainer=synthetic", "space.train.epochs.levels=[4]", "study.name=large", "study.confirm.top_k=0")
RESUME_S = 10.0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_thousand_trials_are_continued_within_ten_seconds(workdir: Path) -> None:
    command = [sys.executable, "-m", "hpo", *STUDY]
    first = [*command, "sampler=random", "executor=inline", f"study.n_trials={N_TRIALS}"]
    subprocess.run(first, cwd=workdir, check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    more = [*command, "sampler=random", "executor=processes", f"study.n_trials={N_TRIALS + 1}"]
    with subprocess.Popen(more, cwd=workdir, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        trained_s = next(time.monotonic() - began for line in driver.stdout if line.startswith(f"[{N_TRIALS + 1}/"))
        driver.stdout.read()
    assert driver.returncode == 0
    assert trained_s <= RESUME_S
    print(f"{trained_s:.1f} s to the end of the first new trial")
