"""Workers, nodes and drivers that vanish while trials are kept behind a URL: somebody else goes on from there."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from hpo.artifacts.remote import SCRATCH
from hpo.machine.remote import RemoteFolder
from tests.support.background_studies import Started, losses, read, training, wait_for
from tests.support.ray_nodes import TwoNodes, run_while_a_node_is_lost
from tests.support.remote_stores import Store
from tests.support.worker_processes import spawned

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("signals_of_a_terminal")]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files of all processes that the test starts; too deep for Ray's sockets."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.mark.parametrize("kind", ["file", "ftp", "s3"])
def test_a_worker_is_killed_and_its_trial_ends_as_if_it_were_not(
    kind: str, start: Started, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(kind, tmp_path / "store", monkeypatch)
    try:
        command = training(tmp_path)
        undisturbed = start(*command, f"storage.path={tmp_path}/undisturbed/hpo.db")
        assert undisturbed.wait(200) == 0
        driver = start(*command, f"storage.folder={store.url}/studies")
        kept = RemoteFolder(f"{store.url}/studies")
        wait_for(lambda: any("000004.sha256" in name for name in kept.names()))
        (worker,) = spawned(driver.pid)
        worker.kill()
        out, err = driver.communicate(timeout=200)
        assert (driver.returncode, err) == (0, "")
        assert "trying again (attempt 2)" in out
        trials = read(tmp_path)
        assert losses(trials) == losses(read(tmp_path / "undisturbed"))
        assert sorted(trial.attempt for trial in trials) == [1, 2]
        assert max(int(trial.facts["resumed_from"]) for trial in trials) >= 4
        assert not any("checkpoints" in name for name in kept.names())
        models = [folder / "studies" / "x" / "model" for folder in (tmp_path, tmp_path / "undisturbed")]
        assert len({(model / "model.safetensors").read_bytes() for model in models}) == 1
        assert len(list(scratch.glob(f"{SCRATCH}-*"))) <= 1  # of the killed one, for the next on its machine
    finally:
        store.stop()


def test_a_lost_node_leaves_its_trials_to_others(
    two_nodes: TwoNodes, start: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = start.folder / "kept"

    def n_begun() -> int:
        return len({path.parent for path in kept.glob("*/*/checkpoints/*.sha256")})

    url = f"file://{kept}"
    trials = run_while_a_node_is_lost(two_nodes, start, monkeypatch, f"storage.folder={url}", n_begun=n_begun)
    (again,) = [trial for trial in trials if trial.attempt == 2]
    assert int(again.facts["resumed_from"]) >= 1
    assert len(RemoteFolder(url).names()) == 1


def test_a_driver_is_told_to_stop_and_another_goes_on_with_nothing_trained_again(
    start: Started, tmp_path: Path, scratch: Path
) -> None:
    command = (*training(tmp_path), f"storage.folder=file://{tmp_path}/kept")
    driver = start(*command)
    wait_for(lambda: list((tmp_path / "kept").glob("*/*/checkpoints/000003.sha256")))
    driver.send_signal(signal.SIGTERM)
    driver.communicate(timeout=60)
    assert driver.returncode == 143
    assert any("_" in path.stem for path in (tmp_path / "kept").glob("*/*/checkpoints/*.safetensors"))
    assert start(*command).wait(200) == 0
    assert start(*training(tmp_path), f"storage.path={tmp_path}/undisturbed/hpo.db").wait(200) == 0
    assert losses(read(tmp_path)) == losses(read(tmp_path / "undisturbed"))
