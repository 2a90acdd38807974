"""What a user's function writes into its folder: packed with each epoch, unpacked where it goes on, kept of the best.

Bytes by name; what they mean is the user's business.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from hpo.artifacts.checkpoint import Array
from hpo.artifacts.folders import MADE_BY, WEIGHTS
from hpo.machine.files import write_json


def packed(folder: Path) -> dict[str, Array]:
    """Returns the content of every file below `folder`, by its path in it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): np.frombuffer(path.read_bytes(), np.uint8) for path in paths}


def unpack(contents: Mapping[str, Array], folder: Path) -> None:
    """Writes files as they were when they were packed.

    Raises:
        ValueError: if one would lie outside `folder`.
    """
    for name, content in contents.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"{name} is not a file inside the trial's folder.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.tobytes())


def keep_files(folder: Path, target: Path, made: Mapping[str, object]) -> None:
    """Lays the files that a trial left in `folder` out in `target`, in the place of what was there, with what they are.

    Nothing is done if it left none, or they are there already.
    """
    if not (folder / WEIGHTS[0]).is_file() or _said(target) == json.loads(json.dumps(made)):
        return
    contents = load_file(folder / WEIGHTS[0])
    if not contents:
        return
    new = target.with_name(f".{target.name}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    unpack(contents, new)
    write_json(new / MADE_BY, made)
    shutil.rmtree(target, ignore_errors=True)
    new.replace(target)


def _said(target: Path) -> object:
    try:
        return json.loads((target / MADE_BY).read_text())
    except (OSError, ValueError):
        return None
