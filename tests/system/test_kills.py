"""A driver killed at each point at which something has just been written down, or is just about to be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpo.contracts.records import COMPLETE, StudyRecord, TrialRecord
from hpo.storage.options import SqliteConfig
from hpo.storage.record import open_storage, read_study
from hpo.tracking.client import resolve_uri
from tests.chaos.invariants import leftovers, violations
from tests.support import ROOT
from tests.support.background_studies import write_texts
from tests.support.mlflow_equality import URI

DYING = ROOT / "tests/support/kill_point.py"
N_TRIALS = 5
COMMAND = (
    "trainer=synthetic",
    "trainer.epoch_s=0.01",
    "executor.n_workers=1",
    "sampler.n_startup_trials=2",
    "pruner=asha",
    f"study.n_trials={N_TRIALS}",
    "study.name=x",
    "study.confirm.top_k=1",
    "study.confirm.n_seeds=2",
)
PROMOTE = (*(word for word in COMMAND if word != "pruner=asha"), "pruner=promote", "train.epochs=4")
PROMOTING = {
    "a trial asked for, its leg not noted": "hpo.storage.store:StudyStore.begin_leg:before:2",
    "promoted and not begun": "hpo.storage.store:StudyStore.begin_leg:after:4",
    "an epoch noted, the trial not told to pause": "hpo.storage.store:StudyStore.add_epoch:after:3",
    "told to pause, and not noted as paused": "hpo.storage.store:StudyStore.pause:before:2",
    "paused": "hpo.storage.store:StudyStore.pause:after:3",
    "in the middle of a later leg": "hpo.storage.store:StudyStore.add_epoch:before:7",
    "nothing left to promote": "hpo.study.trials:TrialBook.end_paused:before:1",
    "some of the paused ones ended": "hpo.storage.store:StudyStore.tell:after:3",
    "the end of a paused one noted and not told": "hpo.storage.store:StudyStore.note_end:after:3",
}
POINTS = {
    "before the first trial is asked for": "hpo.storage.store:StudyStore.ask:before:1",
    "between ask and submit": "hpo.storage.store:StudyStore.ask:after:2",
    "an attempt counted and not submitted": "hpo.study.trials:TrialBook.begin_attempt:after:3",
    "submitted": "hpo.executors.processes:ProcessesExecutor.submit:after:2",
    "an epoch about to be noted": "hpo.storage.store:StudyStore.add_epoch:before:4",
    "between a report and its mirror": "hpo.storage.store:StudyStore.add_epoch:after:5",
    "between a report and its answer": "hpo.study.driver:Driver.on_report:after:6",
    "between the end noted and told": "hpo.storage.store:StudyStore.note_end:after:2",
    "between tell and the end in MLflow": "hpo.storage.store:StudyStore.tell:after:3",
    "told, before anything is thrown away": "hpo.study.trials:tidy_trial:before:3",
    "in the middle of throwing away": "hpo.artifacts.folders:delete_checkpoints:after:3",
    "the run of a study created": "hpo.tracking.runs:StudyRuns.write:after:1",
    "the run of a trial created": "hpo.tracking.runs:StudyRuns.write:after:3",
    "the run of a trial not yet ended": "hpo.tracking.runs:StudyRuns._write_status:before:4",
    "the search done, its confirmation not begun": "hpo.study.session:_Lifecycle.succeed:before:1",
    "a confirmation opened": "hpo.study.opening:Opener.open:after:2",
    "in the confirmation": f"hpo.storage.store:StudyStore.tell:after:{N_TRIALS + 1}",
    "the confirmation trained, not tested": f"hpo.storage.store:StudyStore.tell:after:{N_TRIALS + 2}",
    "a test done and not noted": "hpo.storage.study_tests:StudyTests.note:before:1",
    "all tests noted, not summed up": "hpo.storage.study_tests:StudyTests.close:before:1",
    "everything done, not said": "hpo.terminal.summary:print_summary:before:1",
}

OFTEN = ("between tell and the end in MLflow", "the confirmation trained, not tested")
SLOW = pytest.mark.slow


def run(folder: Path, *words: str, point: str = "") -> subprocess.CompletedProcess[str]:
    program = [str(DYING), point] if point else ["-m", "hpo"]
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, *program, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def read(folder: Path, name: str) -> tuple[StudyRecord, list[TrialRecord]]:
    return read_study(open_storage(SqliteConfig(folder="studies", path=str(folder / "hpo.db"))), name)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run(folder, *COMMAND)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("point", [point if point in OFTEN else pytest.param(point, marks=SLOW) for point in POINTS])
def test_a_driver_killed_there_continues_as_if_nothing_had_happened(
    point: str, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = run(tmp_path, *COMMAND, point=POINTS[point])
    assert killed.returncode == -9, killed.stdout + killed.stderr
    again = run(tmp_path, *COMMAND)
    assert (again.returncode, again.stderr) == (0, "")
    assert_whole(tmp_path, undisturbed, monkeypatch)


@pytest.fixture(scope="module")
def undisturbed_promotions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("promoting")
    done = run(folder, *PROMOTE)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("point", PROMOTING)
def test_a_driver_killed_while_trials_pause_and_are_promoted_continues(
    point: str, undisturbed_promotions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = run(tmp_path, *PROMOTE, point=PROMOTING[point])
    assert killed.returncode == -9, killed.stdout + killed.stderr
    again = run(tmp_path, *PROMOTE)
    assert (again.returncode, again.stderr) == (0, "")
    assert_whole(tmp_path, undisturbed_promotions, monkeypatch)
    legs, expected = ([trial.legs for trial in read(place, "x")[1]] for place in (tmp_path, undisturbed_promotions))
    assert legs == expected


def assert_whole(folder: Path, undisturbed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in ("x", "x-confirm"):
        study, trials = read(folder, name)
        reference, expected = read(undisturbed, name)
        found = violations(
            trials,
            undisturbed=expected,
            noted={},
            folder=folder,
            tracking_uri=resolve_uri(URI),
            study_uid=study.uid,
        )
        retrained = [line for line in found if not line.startswith("I3") or name == "x"]  # the same params on purpose
        assert retrained == []
        assert study.test == reference.test


@pytest.mark.slow
def test_a_driver_killed_again_and_again_gets_on(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after every second tell: each life ends two trials at least."""
    for _ in range(9):
        if run(tmp_path, *COMMAND, point="hpo.storage.store:StudyStore.tell:after:2").returncode == 0:
            break
    assert run(tmp_path, *COMMAND).returncode == 0
    assert_whole(tmp_path, undisturbed, monkeypatch)


PREPARING = {
    "texts read, nothing written": "hpo.machine.cache:Cache.make:before:1",
    "written, not in place": "hpo.machine.cache:_sync_all:after:1",
    "in place, not remembered": "hpo.machine.cache:_rename_once:after:1",
    "remembered, no study yet": "hpo.machine.cache:Cache.remember:after:1",
}


@pytest.mark.slow
@pytest.mark.parametrize("point", PREPARING)
def test_a_driver_killed_in_the_preparation_prepares_again(point: str, tmp_path: Path) -> None:
    command = (
        "data=table",
        f"data.path={write_texts(tmp_path, n=120)}",
        "data.tokenizer=words",
        f"data.cache={tmp_path}/cache",
        "space.train.epochs.low=1",
        "space.train.epochs.high=1",
        "space.train.epochs.levels=[1]",
        "space.model.n_hid.choices=[16]",
        "executor.n_workers=1",
        "tracking=none",
        "study.n_trials=1",
        "study.name=x",
    )
    killed = run(tmp_path / "study", *command, point=PREPARING[point])
    assert killed.returncode == -9, killed.stderr
    assert not (tmp_path / "study" / "studies").exists()
    again = run(tmp_path / "study", *command)
    assert (again.returncode, again.stderr) == (0, "")
    assert [trial.state for trial in read(tmp_path / "study", "x")[1]] == [COMPLETE]
    assert len(list((tmp_path / "cache").glob("*/corpus.json"))) == 1
    assert list((tmp_path / "cache").glob(".making*")) == []
    assert leftovers(tmp_path / "study") == []
