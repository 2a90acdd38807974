"""A tiny study on real text that keeps its model; made once for all tests that ask it."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import run_study

TINY = (
    "data.n_per_class=60",
    "executor=inline",
    "space.model.n_hid.choices=[16]",
    "space.train.lr.low=0.05",
    "train.epochs=4",
    "train.batch_size=16",
    "study.n_trials=2",
)


def run_tiny(folder: Path, *overrides: str) -> Path:
    """Runs the study in the working directory `folder` and returns the folder of its model."""
    report = run_study(*TINY, f"data.cache={folder}/cache", *overrides)
    assert report.n_unmirrored == 0
    return Path(report.study.folder) / "model"


def described(model: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((model / "model.json").read_text())
    return content
