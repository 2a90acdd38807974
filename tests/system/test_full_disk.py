"""Disks and shares of them that fill up: nothing is broken, the study pauses with a sentence and goes on with room."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpo.artifacts.checkpoint import read_checkpoint
from hpo.contracts.records import COMPLETE
from hpo.contracts.trainer import TrialRequest
from hpo.machine.signals import Ending
from hpo.study.session import Report
from hpo.trainers.awd_lstm.trainer import AwdLstm
from hpo.trainers.synthetic import Synthetic
from tests.support import ROOT
from tests.support.studies import SYNTHETIC, run_study
from tests.support.trial_requests import Listener, make_request, repeatable, write_corpus

STUDY = ("trainer=synthetic", "tracking=none", "trainer.epoch_s=0.001", "study.n_trials=40", "study.name=x")
COMMAND = (*STUDY, "executor.n_workers=1")


def run_command(folder: Path, *overrides: str, prepare: Callable[[], None] | None = None) -> tuple[int, str, str]:
    process = subprocess.run(
        [sys.executable, "-m", "hpo", *overrides],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        preexec_fn=prepare,  # one thread, no locks
    )
    return process.returncode, process.stdout, process.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 KB; `mount -o remount` makes it larger."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk, and not everywhere")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def assert_paused(code: int, out: str, err: str) -> None:
    assert code == 4, err
    said = (out + err).replace(
        "\n", " "
    )  # what stops a study is in its output, what keeps it from beginning in the other
    assert "There is no room left to write (" in said
    assert "free some, and the same command goes on." in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_a_study_goes_on_when_there_is_room_again(small_disk: Path, tmp_path: Path) -> None:
    assert_paused(*run_command(small_disk, *COMMAND))
    assert_paused(*run_command(small_disk, *COMMAND))  # still full
    subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
    code, _, err = run_command(small_disk, *COMMAND)
    assert code == 0, err
    report, undisturbed = read(small_disk), read(tmp_path / "undisturbed")
    assert [(t.state, t.value) for t in report.trials] == [(t.state, t.value) for t in undisturbed.trials]
    assert {trial.state for trial in report.trials} == {COMPLETE}


def read(folder: Path) -> Report:
    """Returns what a finished study left, by asking for nothing more of it; in a new folder, a whole study."""
    return run_study(*STUDY, f"storage.path={folder}/hpo.db", "executor=inline")


@pytest.mark.slow
def test_a_limit_on_the_size_of_files_is_a_full_disk_too(tmp_path: Path) -> None:
    """The record reaches it in the middle of the study; no root is needed for this one."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    assert_paused(*run_command(tmp_path, *COMMAND, prepare=limit))
    leftovers = [path for path in tmp_path.rglob(".*") if path.is_file()]
    assert leftovers == []
    code, _, err = run_command(tmp_path, *COMMAND)
    assert code == 0, err
    assert {trial.state for trial in read(tmp_path).trials} == {COMPLETE}


WITHOUT_ROOM = """
import resource, sys
from pathlib import Path
from tests.support.trial_requests import Listener, make_request
from hpo.contracts.executor import Job, Task
from hpo.executors.worker import run_job

class Filling(Listener):
    def __call__(self, report):
        if len(self.reports) == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        return super().__call__(report)

request = make_request(Path(sys.argv[1]), corpus=sys.argv[2], epochs=4)
result = run_job(Job(Task.TRAIN, "x", request), Filling())
assert result.paused and result.reason is None, result
print(result.obstacle)
"""


def test_a_checkpoint_without_room_leaves_the_one_before(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    filling = subprocess.run(
        [sys.executable, "-c", WITHOUT_ROOM, str(tmp_path / "trial"), str(corpus)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "File too large" in filling.stdout
    request = make_request(tmp_path / "trial", corpus=corpus, epochs=4)
    checkpoint, refused = read_checkpoint(request)
    assert checkpoint is not None
    assert (checkpoint.epoch, refused) == (2, [])
    undisturbed, resumed = Listener(), Listener()
    AwdLstm().train(make_request(tmp_path / "undisturbed", corpus=corpus, epochs=4), undisturbed)
    AwdLstm().train(request, resumed)
    assert repeatable(resumed.reports) == repeatable(undisturbed.reports)


def test_a_test_without_room_is_left_to_whoever_goes_on(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Synthetic, request: TrialRequest) -> dict[str, float]:
        raise OSError(errno.ENOSPC, "No space left on device", "scores")

    study = (*SYNTHETIC, "study.n_trials=2", "study.name=x")
    with monkeypatch.context() as patch:
        patch.setattr(Synthetic, "test", full)
        paused = run_study(*study)
    assert (paused.ending, "no room left" in paused.obstacle, paused.study.test) == (Ending.PAUSED, True, {})
    assert "test_accuracy" in run_study(*study).study.test


def test_a_study_pauses_before_it_begins_where_nothing_can_be_written(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * 390_000)
    code, out, err = run_command(small_disk, *COMMAND)
    assert_paused(code, out, err)
