"""How many batches a long training has done: its worker writes that beside its checkpoints, the driver reads it."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

from hpo.machine.files import write_json

STEPS = "steps.json"
_APART_S = 1.0  # between two words on it


class StepCounter:
    """Writes how many batches are done, once a second; where that fails, the training goes on without.

    Args:
        folder: The training's own.
        n_batches: Of one epoch.
        n_epochs: Of the training.
    """

    def __init__(self, folder: str | Path, n_batches: int, n_epochs: int) -> None:
        self._path = Path(folder) / STEPS
        self._n_batches = n_batches
        self._total = n_batches * n_epochs
        self._next_s = 0.0

    def count(self, n_epochs: int, n_batches: int) -> None:
        """Hears of a batch: `n_batches` are done after `n_epochs` whole ones."""
        done = n_epochs * self._n_batches + n_batches
        if done == self._total or time.monotonic() >= self._next_s:
            with suppress(OSError):
                write_json(self._path, {"done": done, "total": self._total})
            self._next_s = time.monotonic() + _APART_S


def read_steps(folder: Path) -> tuple[int, int] | None:
    """Returns how many batches of how many are done; None if that is not known yet."""
    try:
        found = json.loads((folder / STEPS).read_text(encoding="utf-8"))
        return int(found["done"]), int(found["total"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
