"""What a user's function leaves: packed, laid out, kept once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hpo.artifacts.folders import WEIGHTS
from hpo.trainers.function.files import keep_files, packed, unpack


def test_files_come_back_byte_for_byte(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "deep").mkdir(parents=True)
    (source / "empty").write_bytes(b"")
    (source / "deep" / "weights.bin").write_bytes(bytes(range(256)))
    target.mkdir()
    unpack(packed(source), target)
    assert (target / "empty").read_bytes() == b""
    assert (target / "deep" / "weights.bin").read_bytes() == bytes(range(256))


def test_no_file_is_written_outside(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a file inside"):
        unpack({"../escaped": np.zeros(1, np.uint8)}, tmp_path / "folder")
    assert not (tmp_path / "escaped").exists()


def test_the_best_trial_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    trial, target = tmp_path / "trial", tmp_path / "best"
    trial.mkdir()
    keep_files(trial, target, {"trial": 0})
    assert not target.exists()
    save_file({"old": np.frombuffer(b"old", np.uint8)}, trial / WEIGHTS[0])
    keep_files(trial, target, {"trial": 0})
    save_file({"new": np.frombuffer(b"new", np.uint8)}, trial / WEIGHTS[0])
    keep_files(trial, target, {"trial": 0})
    assert (target / "old").is_file()  # it is what was kept already
    keep_files(trial, target, {"trial": 1})
    assert sorted(path.name for path in target.iterdir()) == ["hpo.json", "new"]
