"""Two drivers at once: different studies that share the record, the prepared data and MLflow, all of them new."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from hpo.commands.sync import main as sync
from hpo.contracts.records import COMPLETE
from hpo.storage.options import SqliteConfig
from hpo.storage.record import open_storage, read_study, study_names
from tests.chaos.server import MlflowServer
from tests.support import ROOT
from tests.support.data_sources import reviews, table, write_tsv
from tests.support.mlflow_contents import new_db, shown

N_TRIALS = 2
STUDY = (
    *("sampler=random", f"study.n_trials={N_TRIALS}", "executor.n_workers=1", "executor.device=cpu"),
    *("data=table", "data.tokenizer=words", "data.min_freq=1", "data.valid=0.2", "data.test=0.2"),
    *("space.model.n_hid.choices=[16]", "train.epochs=1", "train.lr=0.01"),
)


def run_at_once(folders: list[Path], *overrides: str) -> None:
    """Runs studies that differ in their seed, each in its folder; all must end well and leave nothing to be done."""
    drivers = [
        subprocess.Popen(
            [sys.executable, "-m", "hpo", *STUDY, *overrides, f"seed={seed}", f"study.name=s{seed}"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for seed, folder in enumerate(folders)
    ]
    texts = [driver.communicate(timeout=240)[0] for driver in drivers]
    for driver, text in zip(drivers, texts, strict=True):
        assert driver.returncode == 0, text
        assert f"{N_TRIALS} complete" in text
        assert "not in MLflow yet" not in text
        assert "Traceback" not in text


def assert_one_corpus(cache: Path) -> None:
    folders = [path.name for path in cache.iterdir() if path.name != "index"]
    assert len(folders) == 1, folders
    assert folders[0].startswith("table-")


def assert_all_shown(uri: str, folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Asserts that MLflow shows both studies as an MLflow rebuilt from their records shows them."""
    rebuilt = new_db(folders[0].parent / "rebuilt")
    for folder in folders:
        monkeypatch.chdir(folder)
        assert sync([f"tracking.uri={rebuilt}"]) == 0
    runs = shown(uri, "shared")
    assert len(runs) == 2 * (N_TRIALS + 1)
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    assert runs == shown(rebuilt, "shared")


def shared(tmp_path: Path) -> list[str]:
    path = write_tsv(tmp_path / "texts.tsv", reviews(30))
    return [f"data.path={path}", f"data.cache={tmp_path}/cache", "tracking.experiment=shared"]


@pytest.mark.slow
def test_two_studies_begin_in_a_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    run_at_once([folder, folder], *shared(tmp_path))
    assert_one_corpus(tmp_path / "cache")
    storage = open_storage(SqliteConfig(path=str(folder / "hpo.db"), folder="studies"))
    assert study_names(storage) == ["s0", "s1"]
    assert {trial.state for name in ("s0", "s1") for trial in read_study(storage, name)[1]} == {COMPLETE}
    assert_all_shown(f"sqlite:///{folder}/mlflow.db", [folder], monkeypatch)


@pytest.mark.slow
def test_two_studies_in_two_folders_share_a_server(
    tmp_path: Path, server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    run_at_once(folders, *shared(tmp_path), f"tracking.uri={server.uri}")
    assert_one_corpus(tmp_path / "cache")
    assert_all_shown(server.uri, folders, monkeypatch)


N_ROUNDS = 5


def open_again_and_again(process: int, start: Barrier, folder: str, errors: Any) -> None:
    """Opens a new record and prepares new data together with other processes, `N_ROUNDS` times."""
    import optuna

    from hpo.data.corpus import prepare

    try:
        for number in range(N_ROUNDS):
            start.wait(timeout=120)
            storage = open_storage(SqliteConfig(path=f"{folder}/{number}/hpo.db", folder="studies"))
            study = optuna.create_study(storage=storage, study_name=f"s{process}")
            study.tell(study.ask(), 1.0)
            start.wait(timeout=120)
            prepare(table(f"{folder}/texts.tsv", name="table", cache=f"{folder}/{number}/cache"))
    except BaseException as error:
        start.abort()  # nobody waits for this process
        errors.put(f"{type(error).__name__}: {error}; {error.__cause__}")


@pytest.mark.slow
def test_new_records_and_caches_are_made_by_several_processes_at_once(tmp_path: Path) -> None:
    write_tsv(tmp_path / "texts.tsv", reviews(30))
    context = multiprocessing.get_context("spawn")
    start, errors = context.Barrier(3), context.Queue()
    processes = [
        context.Process(target=open_again_and_again, args=(process, start, str(tmp_path), errors))
        for process in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(200)
    assert errors.empty(), errors.get()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    for number in range(N_ROUNDS):
        assert_one_corpus(tmp_path / str(number) / "cache")
        storage = open_storage(SqliteConfig(path=f"{tmp_path}/{number}/hpo.db", folder="studies"))
        assert study_names(storage) == ["s0", "s1", "s2"]
