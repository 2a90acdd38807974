"""What tests read of a kept model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hpo.model.folder import read_description


def described(model: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((model / "model.json").read_text())
    return content


def trained_answers(study: Path, cache: Path) -> tuple[list[str], np.ndarray]:
    """Returns the test texts of a study's model, and the probabilities that the training process gave them."""
    made = read_description(study / "model").provenance
    (texts,) = cache.glob("docstrings-*/test.texts.jsonl")
    found = np.load(study / "trials" / f"{made['trial']:04d}" / "test.npy", allow_pickle=False)
    return [json.loads(line) for line in texts.read_text().splitlines()], found
