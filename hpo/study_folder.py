"""Where the record and the folders of studies are: a file has them beside it, so that both name the same studies.

What is in them is the business of `trial_folder` and `lock`.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from hpo.config import MemoryConfig, PostgresConfig, SqliteConfig, StorageConfig
from hpo.remote_folder import is_remote
from hpo.secret import mask

STUDIES = "studies"  # the driver's own files, where storage.folder is a URL


def studies_folder(config: StorageConfig) -> Path:
    """Returns the folder of all studies on this machine: of their drivers' files alone if trials are kept at a URL."""
    beside = Path(config.path).parent if isinstance(config, SqliteConfig) else Path()
    return (beside / (STUDIES if is_remote(config.folder) else config.folder)).absolute()


def study_folder(config: StorageConfig, name: str) -> Path:
    """Returns the folder of the study called `name`; one of its own each time when the record is kept in memory."""
    is_kept = not isinstance(config, MemoryConfig)
    return studies_folder(config) / (name if is_kept else f"{name}-{uuid.uuid4().hex[:8]}")


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
    if isinstance(config, PostgresConfig) and str(folder) != noted and not folder.is_dir():
        raise ValueError(
            f"Study '{name}' has its weights and checkpoints in {noted} (on {machine}), and there is no {folder} here; "
            f"go to the folder where it ran, or bring it here. To do without them, make {folder}."
        )


def shown_place(config: StorageConfig) -> str:
    """Returns the setting that says where the record is, as it may be shown; "" for a record in memory."""
    match config:
        case SqliteConfig():
            return f"storage.path={config.path}"
        case PostgresConfig():
            return f"storage.url={mask(config.url)}"
    return ""
