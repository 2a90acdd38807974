"""The folders of trials inside a study's folder, and what is thrown away when a trial ends.

What trainers put there is their business.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from hpo.checkpoint import delete_checkpoints

WEIGHTS = ("model.safetensors", "model.json")
EVALUATION, PROBABILITIES = "evaluation.json", "test.npy"  # what a test leaves beside the weights


def trial_folder(study_folder: Path, number: int) -> Path:
    """Returns the folder of trial `number`; it need not exist."""
    return study_folder / "trials" / f"{number:04d}"


def copy_weights(source: Path, folder: Path) -> bool:
    """Gives the trial in `folder` the final weights of an equal one in `source`; returns whether there were any.

    They share the bytes on disk where the file system can: whoever replaces weights writes new files.
    """
    names = [name for name in WEIGHTS if (source / name).is_file()]
    if WEIGHTS[-1] not in names:  # written last: it vouches for the others
        return False
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).unlink(missing_ok=True)
        try:
            (folder / name).hardlink_to(source / name)
        except OSError:
            shutil.copy2(source / name, folder / name)
    return True


def weights_hash(folder: Path) -> str:
    """Returns the SHA-256 of the weights that are described in the folder of a trial; "" if none are."""
    path = folder / WEIGHTS[-1]
    return str(json.loads(path.read_text()).get("sha256", "")) if path.is_file() else ""


def tidy_trial(folder: Path, *, keep_weights: bool, keep_checkpoints: bool) -> None:
    """Deletes from the folder of a trial that ended what nobody will read again."""
    if not folder.is_dir():
        return
    if not keep_checkpoints:
        delete_checkpoints(str(folder))
    if not keep_weights:
        for name in (*WEIGHTS, EVALUATION, PROBABILITIES):
            (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
