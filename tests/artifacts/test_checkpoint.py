from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.artifacts import checkpoint as module
from hpo.artifacts.checkpoint import Checkpoint, delete_checkpoints, hash_request, read_checkpoint, write_checkpoint
from hpo.config.training import Schedule
from hpo.contracts.trainer import TrialRequest
from tests.support.trial_requests import make_request


@pytest.fixture
def request_(tmp_path: Path) -> TrialRequest:
    return make_request(tmp_path / "trial")


def make_checkpoint(epoch: int) -> Checkpoint:
    tensors = {
        "weights": np.full((3, 2), epoch + 0.1, dtype=np.float32),
        "steps": np.array(epoch, dtype=np.float32),
        "random": np.arange(5, dtype=np.uint8),
        "empty": np.zeros(0, dtype=np.int64),
    }
    history = [{"loss": 0.1 + 0.2 + i, "accuracy": 1 / 3} for i in range(epoch)]
    return Checkpoint(history, tensors, {"order": {"state": 2**127 + 1}, "text": "é"})


def folder_of(request: TrialRequest) -> Path:
    return Path(request.folder) / "checkpoints"


def test_reads_what_was_written_exactly(request_: TrialRequest) -> None:
    written = make_checkpoint(2)
    write_checkpoint(request_, written)
    read, refused = read_checkpoint(request_)
    assert read is not None
    assert (read.epoch, read.history, read.state, refused) == (2, written.history, written.state, [])
    assert set(read.tensors) == set(written.tensors)
    for name, array in written.tensors.items():
        assert read.tensors[name].dtype == array.dtype
        assert read.tensors[name].shape == array.shape
        assert (read.tensors[name] == array).all()


def test_none_without_any(request_: TrialRequest) -> None:
    assert read_checkpoint(request_) == (None, [])


def test_keeps_the_last_two(request_: TrialRequest) -> None:
    for epoch in range(1, 12):
        write_checkpoint(request_, make_checkpoint(epoch))
    names = sorted(path.name for path in folder_of(request_).iterdir())
    assert names == ["000010.safetensors", "000010.sha256", "000011.safetensors", "000011.sha256"]
    read, _ = read_checkpoint(request_)
    assert read is not None
    assert read.epoch == 11


def test_a_write_cut_short_anywhere_leaves_the_previous_one(
    request_: TrialRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills the process before its 1st, 2nd... file is written, which are all the places where it matters."""
    write_checkpoint(request_, make_checkpoint(1))
    for n_written in range(2):
        left = n_written

        def write(path: Path, content: bytes) -> None:
            nonlocal left
            if not left:
                (path.parent / f".{path.name}.half").write_bytes(content[:10])
                raise KeyboardInterrupt
            left -= 1
            path.write_bytes(content)

        with monkeypatch.context() as patch:
            patch.setattr(module, "write_atomically", write)
            with pytest.raises(KeyboardInterrupt):
                write_checkpoint(request_, make_checkpoint(2))
        read, refused = read_checkpoint(request_)
        assert read is not None
        assert read.epoch == 1
        assert len(refused) == n_written
    write_checkpoint(request_, make_checkpoint(2))
    assert not list(folder_of(request_).glob(".*"))


@pytest.mark.parametrize("name", ["000002.safetensors", "000002.sha256"])
@pytest.mark.parametrize("position", [0, 20, 60, -1])
def test_one_changed_byte_is_noticed(request_: TrialRequest, name: str, position: int) -> None:
    for epoch in (1, 2):
        write_checkpoint(request_, make_checkpoint(epoch))
    path = folder_of(request_) / name
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    read, refused = read_checkpoint(request_)
    assert read is not None
    assert read.epoch == 1
    assert refused == ["000002.safetensors is not used: its content does not match its hash."]


def test_belongs_to_params_settings_and_seed_but_not_to_a_place(request_: TrialRequest) -> None:
    changed = [
        replace(request_, params={"train.lr": 0.011}),
        replace(request_, model=replace(request_.model, n_hid=13)),
        replace(request_, train=replace(request_.train, schedule=Schedule.fine_tune)),
        replace(request_, trainer=replace(request_.trainer, divergence_loss=9.0)),
        replace(request_, seed=2),
        replace(request_, corpus="/cache/other"),
    ]
    assert len({hash_request(request) for request in [request_, *changed]}) == 7
    elsewhere = replace(request_, device="cuda:1", threads=4, attempt=2, number=3, folder="/elsewhere")
    assert hash_request(elsewhere) == hash_request(request_)
    moved = [replace(request_, corpus=f"{home}/cache/imdb-12") for home in ("/home/a", "/home/b")]
    assert hash_request(moved[0]) == hash_request(moved[1])


def test_nan_is_never_recorded(request_: TrialRequest) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_checkpoint(request_, Checkpoint([{"loss": float("nan")}]))


def test_deletes_all_of_them_twice(request_: TrialRequest) -> None:
    write_checkpoint(request_, make_checkpoint(1))
    (folder_of(request_) / ".000002.safetensors.half").write_bytes(b"")
    for _ in range(2):
        delete_checkpoints(request_.folder)
        assert not folder_of(request_).exists()
