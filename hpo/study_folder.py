"""Where the folders of studies are: beside the record, so that both name the same studies.

What is in them is the business of `trial_folder` and `lock`.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from hpo.config import MemoryConfig, SqliteConfig, StorageConfig


def studies_folder(config: StorageConfig) -> Path:
    """Returns the folder of all studies."""
    beside = Path(config.path).parent if isinstance(config, SqliteConfig) else Path()
    return (beside / config.folder).absolute()


def study_folder(config: StorageConfig, name: str) -> Path:
    """Returns the folder of the study called `name`; one of its own each time when the record is kept in memory."""
    is_kept = not isinstance(config, MemoryConfig)
    return studies_folder(config) / (name if is_kept else f"{name}-{uuid.uuid4().hex[:8]}")
