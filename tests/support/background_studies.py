"""Studies that run in the background as commands, and what they leave on the disk."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from hpo.contracts.records import TrialRecord
from hpo.storage.record import open_storage, read_study
from tests.support.studies import compose_config


def write_texts(folder: Path, n: int = 900) -> Path:
    """Writes a table of texts with two classes that use other words; twelve epochs take some seconds."""
    path = folder / "texts.csv"
    rows = [" ".join(f"word{i * j % (9 + i % 2 * 15)}" for j in range(1, 60)) + f",class{i % 2}" for i in range(n)]
    path.write_text("\n".join(["text,label", *rows]) + "\n")
    return path


def training(folder: Path) -> tuple[str, ...]:
    return (
        "data=table",
        f"data.path={write_texts(folder)}",
        "data.tokenizer=words",
        f"data.cache={folder}/cache",
        "space.train.epochs.low=12",
        "space.train.epochs.high=12",
        "space.train.epochs.levels=[12]",
        "executor.n_workers=1",
        "executor.device=cpu",
        "tracking=none",
        "study.n_trials=2",
        "study.name=x",
    )


class Started:
    """Commands that run in the background and end with the test at the latest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._processes: list[subprocess.Popen[str]] = []

    def __call__(self, *overrides: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "hpo", *overrides]
        self._processes.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=self.folder))
        return self._processes[-1]

    def end(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()


def read(folder: Path) -> list[TrialRecord]:
    config, _ = compose_config(f"storage.path={folder}/hpo.db")
    return read_study(open_storage(config.storage), "x")[1]


def wait_for(condition: object, *, timeout_s: float = 120) -> None:
    end = time.monotonic() + timeout_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("studies/x/trials/*/checkpoints/*.safetensors"))


def newest_checkpoint(folder: Path) -> float:
    """Returns when the newest checkpoint was written, in seconds since 1970; 0 without any."""
    return max((path.stat().st_mtime for path in checkpoints(folder) if path.exists()), default=0.0)


def losses(trials: Sequence[TrialRecord]) -> list[list[float]]:
    return [[epoch.metrics["valid_loss"] for epoch in trial.epochs] for trial in trials]
