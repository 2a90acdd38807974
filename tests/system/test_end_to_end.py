"""A study from configuration to MLflow, read back by MLflow's own client and compared with the record."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hpo.artifacts.folders import kept_folder
from hpo.commands.sync import main as sync
from hpo.contracts.records import COMPLETE, PRUNED
from hpo.machine.locks import StudyLock
from hpo.storage.enduring import StorageAway
from hpo.storage.options import SqliteConfig
from hpo.storage.record import open_record, read_studies
from tests.support.mlflow_equality import compare_with_mlflow
from tests.support.studies import run_study


@pytest.mark.parametrize("sampler", ["grid", "random", "tpe"])
def test_mlflow_equals_the_record(sampler: str, workdir: Path) -> None:
    report = run_study(
        "trainer=synthetic",
        "executor=inline",
        f"sampler={sampler}",
        "pruner=median",
        "pruner.n_startup_trials=2",
        "space.train.lr.high=0.3",
        "study.n_trials=12",
    )
    assert report.n_unmirrored == 0
    assert len(report.trials) == 12
    assert {trial.state for trial in report.trials} >= {COMPLETE, PRUNED}
    compare_with_mlflow(report)


@pytest.mark.slow
def test_a_study_on_real_text(workdir: Path) -> None:
    report = run_study(
        "data.n_per_class=60",
        "data.tokenizer=words",
        f"data.cache={workdir}/cache",
        "space.model.n_hid.choices=[16]",
        "space.train.epochs.low=1",
        "space.train.epochs.high=2",
        "space.train.epochs.levels=null",
        "study.n_trials=3",
        "model.log=none",  # models are logged in test_mlflow_models
        "tracking.flush_timeout_s=200",
    )
    assert report.n_unmirrored == 0
    assert [trial.state for trial in report.trials] == [COMPLETE] * 3
    assert report.study.test["n_test"] == 54
    assert 0 < report.study.test["test_accuracy"] < 1
    assert report.trials[0].facts["device"].startswith(("cpu", "cuda"))
    compare_with_mlflow(report)
    (workdir / "mlflow.db").unlink()
    assert sync(["tracking.uri=sqlite:///mlflow.db"]) == 0
    compare_with_mlflow(report)


def test_sync_adds_nothing_the_second_time(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_study("trainer=synthetic", "executor=inline", "tracking=none", "study.n_trials=3", "study.name=x")
    assert sync([]) == 0
    assert "x: 4 of 4 runs created or changed" in capsys.readouterr().out
    assert sync([]) == 0
    assert "x: already complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("override", "sentence"),
    {
        "study.name=y": "There is no study.name=y; the record has x.",
        "tracking=none": "nothing to bring up to date",
    }.items(),
)
def test_sync_refuses_in_a_sentence(
    workdir: Path, capsys: pytest.CaptureFixture[str], override: str, sentence: str
) -> None:
    run_study("trainer=synthetic", "executor=inline", "tracking=none", "study.n_trials=1", "study.name=x")
    assert sync([override]) == 2
    assert sentence in capsys.readouterr().err


def test_sync_finds_a_study_whose_folder_is_elsewhere(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared = workdir / "shared"
    command = ("trainer=synthetic", "executor=inline", "tracking=none", "study.n_trials=1", "study.name=x")
    run_study(*command, f"storage.folder={shared}")
    (workdir / "studies" / "x").mkdir(parents=True)  # as a command leaves it that looked for it there
    with StudyLock(shared / "x", "x"):  # its driver
        assert sync([]) == 0
        assert "x: left to its driver (Study 'x' is held by process" in capsys.readouterr().out
    assert sync([]) == 0
    assert "x: 2 of 2 runs created or changed" in capsys.readouterr().out
    assert list((workdir / "studies" / "x").iterdir()) == []


def test_sync_finds_a_study_that_was_moved(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (workdir / "a").mkdir()
    monkeypatch.chdir(workdir / "a")
    run_study("trainer=synthetic", "executor=inline", "tracking=none", "study.n_trials=1", "study.name=x")
    shutil.copytree(workdir / "a", workdir / "b")
    monkeypatch.chdir(workdir / "b")
    with StudyLock(workdir / "a" / "studies" / "x", "x"):  # another study by now
        assert sync([]) == 0
    config = SqliteConfig(folder="studies", path="hpo.db")
    noted = read_studies(open_record(config))["x"].folder
    assert noted == str(workdir / "a" / "studies" / "x")
    assert kept_folder(config, "x", noted=noted) == workdir / "b" / "studies" / "x"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (StorageAway("storage.url=… has been away for 90 s."), 4, "hpo: storage.url=… has been away for 90 s.\n"),
        (PermissionError(13, "Permission denied", "x/lock"), 2, "hpo: x/lock cannot be used: Permission denied.\n"),
    ],
)
def test_sync_says_what_it_cannot_reach(
    workdir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    said: str,
) -> None:
    def refuse(*_: object) -> None:
        raise error

    run_study("trainer=synthetic", "executor=inline", "tracking=none", "study.n_trials=1", "study.name=x")
    monkeypatch.setattr("hpo.study.mirroring.sync_study", refuse)
    capsys.readouterr()
    assert sync([]) == code
    assert capsys.readouterr().err == said


def test_sync_without_a_record_is_refused(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sync([]) == 2
    assert "There is no record at storage.path=hpo.db" in capsys.readouterr().err


def test_a_password_in_the_tracking_uri_is_not_in_the_record(workdir: Path) -> None:
    uri = "http://me:CANARY-7@127.0.0.1:9"  # nobody listens there
    report = run_study(
        "trainer=synthetic",
        "executor=inline",
        "study.n_trials=1",
        f"tracking.uri='{uri}'",
        "tracking.flush_timeout_s=0",
    )
    assert report.trials[0].state == COMPLETE
    assert report.n_unmirrored == 2
    files = [path for path in workdir.rglob("*") if path.is_file()]
    assert any(path.name == "hpo.db" for path in files)
    assert not [path for path in files if b"CANARY-7" in path.read_bytes()]
