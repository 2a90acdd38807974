"""Checkpoints of a trial in its folder: one per epoch or pause, the last two kept, each beside its SHA-256.

What goes into one is the trainer's business (`trainers.awd_lstm.state`). No torch and no pickle: safetensors and JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from hpo.contracts.trainer import Request
from hpo.machine.files import hash_bytes, write_atomically

N_KEPT = 2
CHECKPOINTS = "checkpoints"  # their folder in that of the trial
CHECKPOINT_WARNING = "checkpoint_warning"  # fact of a trial: the checkpoints that could not be used, and why

Array = np.ndarray[tuple[int, ...], np.dtype[np.generic]]


@dataclass(frozen=True)
class Checkpoint:
    """A trial after one of its epochs, or after some batches of the next.

    Attributes:
        history: The metrics of every epoch so far, so its length is the number of epochs done.
        tensors: Weights, optimizer state and generator states, by name.
        state: What is not a tensor and fits JSON.
        partial: Of the epoch under way: its sums so far, among them "n_batches"; empty after an epoch.
    """

    history: list[dict[str, float]]
    tensors: Mapping[str, Array] = field(default_factory=dict)
    state: Mapping[str, object] = field(default_factory=dict)
    partial: Mapping[str, float] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        return len(self.history)

    @property
    def n_batches(self) -> int:
        """Batches done of the epoch under way."""
        return int(self.partial.get("n_batches", 0))


def write_checkpoint(request: Request, checkpoint: Checkpoint) -> None:
    """Adds a checkpoint to the trial's folder, then removes all but the last two.

    The weights are complete before the hash that vouches for them appears, so a process killed
    anywhere in here leaves at worst a file that `read_checkpoint` passes over.
    """
    content = {
        "history": checkpoint.history,
        "state": checkpoint.state,
        "partial": dict(checkpoint.partial),
        "request": hash_request(request),
    }
    data = save(dict(checkpoint.tensors), metadata={"checkpoint": json.dumps(content, allow_nan=False)})
    folder = _folder(request.folder)
    folder.mkdir(exist_ok=True)
    path = folder / f"{_stem(checkpoint)}.safetensors"
    write_atomically(path, data)
    write_atomically(_hash_path(path), hash_bytes(data).encode())
    for leftover in folder.glob(".*"):  # of a process killed while writing
        leftover.unlink(missing_ok=True)
    for old in sorted(folder.glob("*.safetensors"))[:-N_KEPT]:
        _hash_path(old).unlink(missing_ok=True)
        old.unlink(missing_ok=True)


def read_checkpoint(request: Request) -> tuple[Checkpoint | None, list[str]]:
    """Returns the newest sound checkpoint of this very request, or None, and a sentence per refused one."""
    refused: list[str] = []
    for path in sorted(_folder(request.folder).glob("*.safetensors"), reverse=True):
        try:
            return _read(path, hash_request(request)), refused
        except (ValueError, OSError, SafetensorError) as error:
            refused.append(f"{path.name} is not used: {error}")
    return None, refused


def delete_checkpoints(folder: str) -> None:
    """Removes every checkpoint below the trial's folder."""
    for path in _folder(folder).glob("*"):
        path.unlink(missing_ok=True)
    if _folder(folder).exists():
        _folder(folder).rmdir()


def hash_request(request: Request) -> str:
    """Returns a hash of whatever changes the metrics of `request`; where it runs does not."""
    return hash_bytes(json.dumps(request.identity(), sort_keys=True, default=_encode).encode())


def _read(path: Path, expected: str) -> Checkpoint:
    if not _hash_path(path).exists():
        raise ValueError("its hash is missing, so it was being written when the process ended.")
    if hash_bytes(path.read_bytes()) != _hash_path(path).read_text():
        raise ValueError("its content does not match its hash.")
    with safe_open(path, framework="numpy") as file:
        content = json.loads(file.metadata()["checkpoint"])
        if content["request"] != expected:
            raise ValueError("it belongs to other params, seed or settings.")
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    return Checkpoint(content["history"], tensors, content["state"], content["partial"])


def _stem(checkpoint: Checkpoint) -> str:
    """Returns a name that sorts by progress: 000003, then 000003_000120, then 000004."""
    of_epoch = f"{checkpoint.epoch:06d}"
    return f"{of_epoch}_{checkpoint.n_batches:06d}" if checkpoint.partial else of_epoch


def _folder(folder: str) -> Path:
    return Path(folder) / CHECKPOINTS


def _hash_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _encode(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"params and settings are plain values, not {value!r}.")
