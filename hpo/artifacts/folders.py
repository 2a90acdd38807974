"""The folders of trials inside a study's folder, and what is thrown away when a trial ends.

What trainers put there is their business.
"""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

from hpo.artifacts.checkpoint import delete_checkpoints
from hpo.config.schema import StorageConfig
from hpo.machine.paths import is_folder
from hpo.machine.remote import is_remote

MODEL_FOLDER, MODELS_FOLDER = "model", "models"  # in the folder of a study: its own, and those of its trials
BEST_FOLDER = "best"  # there, too: what a function of the user's left in its best trial

WEIGHTS = ("model.safetensors", "model.json")
EVALUATION, PROBABILITIES = "evaluation.json", "test.npy"  # what a test leaves beside the weights
MADE_BY = "hpo.json"  # beside these: which trial they are of
FUNCTION = "function"  # the architecture of what it left
FILES = "files"  # what a function of the user's writes, while it trains


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
    shutil.rmtree(folder / FILES, ignore_errors=True)
    if not any(folder.iterdir()):
        folder.rmdir()


STUDIES = "studies"  # the driver's own files, where storage.folder is a URL


def studies_folder(config: StorageConfig) -> Path:
    """Returns the folder of all studies on this machine: of their drivers' files alone if trials are kept at a URL."""
    return (config.beside / (STUDIES if is_remote(config.folder) else config.folder)).absolute()


def study_folder(config: StorageConfig, name: str) -> Path:
    """Returns the folder of the study called `name`; one of its own each time when the record is kept in memory."""
    return studies_folder(config) / (name if config.is_kept else f"{name}-{uuid.uuid4().hex[:8]}")


def kept_folder(config: StorageConfig, name: str, *, noted: str) -> Path:
    """Returns the folder of a study that is to be read: where `config` has it, or else where it was when it began.

    The record and its folders may have been moved, and whoever reads them need not give `storage.folder` again.
    """
    folder, began = studies_folder(config) / name, Path(noted)
    is_there = folder.is_dir() and any(folder.iterdir())
    return folder if is_there or not began.is_dir() else began


def check_place(config: StorageConfig, name: str, *, noted: str, machine: str) -> None:
    """Refuses to continue a study of a database where its folder is not.

    A file has its studies' folders beside it; a database is reached from everywhere, as a URL is.

    Args:
        config: Where the record lives.
        name: The study.
        noted: Where its folder was when it began.
        machine: Which one that was on.

    Raises:
        ValueError: naming both folders.
    """
    if is_remote(config.folder):
        return
    folder = study_folder(config, name)
    if config.is_shared and str(folder) != noted and not folder.is_dir():
        raise ValueError(
            f"Study '{name}' has its weights and checkpoints in {noted} (on {machine}), and there is no {folder} here; "
            f"go to the folder where it ran, or bring it here. To do without them, make {folder}."
        )


def function_refusal(study_folder: Path) -> str:
    """Returns what is to be said to whoever asks the study of a function for answers; "" if it is none."""
    best, name = study_folder / BEST_FOLDER, study_folder.absolute().name
    if not is_folder(study_folder) or is_folder(study_folder / MODEL_FOLDER):
        return ""
    if (best / MADE_BY).is_file():
        return (
            f"The study '{name}' trained a function of yours: hpo keeps what it wrote in {best} and cannot answer with "
            "it; load that in your own code."
        )
    described = (json.loads(path.read_text()) for path in study_folder.glob(f"trials/*/{WEIGHTS[-1]}"))
    if any(each.get("architecture") == FUNCTION for each in described):
        return (
            f"The study '{name}' trained a function of yours, which wrote nothing into its folder: hpo cannot answer "
            "with it; let it write its model there, or train its best params again in your own code."
        )
    return ""
