"""The command line as a user types it: mistakes are one sentence, kills lose nothing, one driver at a time."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import psutil
import pytest

from hpo.commands.command import refuse
from hpo.commands.console import main
from hpo.contracts.records import COMPLETE, TrialRecord
from hpo.space.space import canonical
from hpo.storage.record import read_study
from tests.chaos.driver import Record
from tests.support.studies import run_study
from tests.support.worker_processes import spawned

MISTAKES = {
    "pruner=bayes": "pruner=bayes does not exist; conf/pruner has asha, hyperband, ",
    "sampler.n_startup=3": "sampler.n_startup is not a setting (did you mean n_startup_trials?)",
    "samplr=tpe": "samplr is not a setting (did you mean sampler?)",
    "seed=abc": "seed: Value 'abc'",
    "seed=-1": "seed=-1 must be at least 0",
    "model.bidir=maybe": "model.bidir='maybe' is neither true nor false; give one of them.",
    "model.bidir=null": "model.bidir cannot be null; give it a value.",
    "encoder.backward=3": "encoder.backward=3 is neither true nor false; give one of them.",
    "study.metric=acc": "study.metric=acc is not measured; give one of accuracy, macro_f1, valid_loss, ",
    "study.n_trials=0": "study.n_trials=0 must be at least 1.",
    "study.n_trials=null": "study.n_trials=null leaves the study without an end",
    "study.name=a/b": "study.name='a/b' must be a file name",
    "space.train.lr.low=1": "space.train.lr has low=1 above high=0.1",
    "space.train.lr.low=0": "log scale with low=0",
    "space.train.lr.low=x": "space.train.lr.low: Value 'x'",
    "space.train.lr=3": "space.train.lr is a group of settings",
    "space.train.epochs.levels=[9]": "has 9, which lies outside its range 2 to 6",
    "space.train.wd.low=1": "space.train.wd is not a setting",
    "+space.train={wd: {type: float, low: 0.1, high: 1}}": "there is no train.wd",
    "~space.train": "only params can be deleted",
    "+foo=1": "foo is not a setting; remove it.",
    "+trainer._target_=os.system": "trainer._target_ is not allowed",
    "x y": "The override 'x y' cannot be read",
    "executor.n_workers=9999": "is more than the",
    "executor.device=gpu": "executor.device=gpu is not a device",
    "data.valid=1.5": "data.valid=1.5 must be above 0 and below 1",
    "train.lr=-1": "train.lr=-1 must be above 0.",
    "experiment=nothing": "experiment=nothing does not exist",
    "data=table": "data.path",
    "sampler=null": "takes the name of one, as --help lists them",
    "data.path='a (1).csv": """'data.path="'a (1).csv"'""",
    "data.path=a,b.csv": """'data.path="a,b.csv"'""",
    "tracking.uri=foo": "tracking.uri='foo' is nothing MLflow can write to",
    "study.timeout_s=inf": "study.timeout_s=inf must be a finite number.",
    "+space.train={bptt: {type: float, low: 10, high: 70}}": "is not a whole number",
}


@pytest.mark.parametrize("override", MISTAKES)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(
    override: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([override]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("hpo: ")
    assert captured.err.count("\n") == 1
    assert MISTAKES[override] in captured.err
    assert list(workdir.iterdir()) == []


def test_a_grid_without_levels_is_refused(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sampler=grid", "space.train.lr.n_levels=null"]) == 2
    assert "space.train.lr has too many values for a grid" in capsys.readouterr().err


def test_an_empty_space_is_refused(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = ("model.drop_mult", "model.n_hid", "train.lr", "train.epochs")
    assert main([f"~space.{path}" for path in params]) == 2
    assert "space is empty" in capsys.readouterr().err
    assert list(workdir.iterdir()) == []


def test_a_broken_configuration_file_is_refused(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workdir / "mine" / "space").mkdir(parents=True)
    for content, sentence in (("a: [1", "is not YAML"), ("- 1", "is written with its type, not as a list")):
        (workdir / "mine" / "space" / "odd.yaml").write_text(content)
        assert main(["--config-dir", str(workdir / "mine"), "space=odd"]) == 2
        assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "sentence"), [("garbage.db", "cannot hold the record"), (".", "names no file that can be written")]
)
def test_a_database_that_cannot_hold_the_record_is_refused(
    path: str, sentence: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workdir / "garbage.db").write_text("no database at all, but long enough to have a header" * 9)
    assert main(["trainer=synthetic", "tracking=none", f"storage.path={path}"]) == 2
    assert f"storage.path={path} {sentence}" in capsys.readouterr().err
    assert [entry.name for entry in workdir.iterdir()] == ["garbage.db"]


def test_a_damaged_record_is_refused_with_what_the_database_says(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = ["trainer=synthetic", "tracking=none", "executor=inline", "study.n_trials=1"]
    assert main(study) == 0
    content = bytearray((workdir / "hpo.db").read_bytes())
    content[8192:-4096] = b"\xa5" * (len(content) - 8192 - 4096)
    (workdir / "hpo.db").write_bytes(content)
    assert main(study) == 2
    sentence = "hpo: storage.path=hpo.db cannot hold the record: database disk image is malformed; give another file.\n"
    assert capsys.readouterr().err == sentence


def test_a_value_on_the_command_line_takes_its_param_out_of_the_space(workdir: Path) -> None:
    small = ["trainer=synthetic", "tracking=none", "executor=inline", "study.n_trials=2"]
    assert main([*small, "train.lr=0.02", "study.name=one"]) == 0
    assert all("train.lr" not in trial.params for trial in read("one"))
    best = ["model.drop_mult=0.36", "model.n_hid=128", "train.lr=0.0073", "train.epochs=6"]
    assert main([*small, *best]) == 0  # all of them: the same params again, with other seeds
    (name,) = [path.name for path in (workdir / "studies").iterdir() if path.name != "one"]
    assert [trial.params for trial in read(name)] == [{}, {}]
    assert len({trial.value for trial in read(name)}) == 2


def test_a_multirun_runs_every_combination(workdir: Path) -> None:
    assert (
        main(
            [
                "-m",
                "trainer=synthetic",
                "tracking=none",
                "executor=inline",
                "sampler=random,tpe",
                "seed=0,1",
                "study.n_trials=2",
            ]
        )
        == 0
    )
    assert len([path for path in (workdir / "studies").iterdir() if path.is_dir()]) == 4


Start = Callable[..., "subprocess.Popen[str]"]
SLOW = ("trainer=synthetic", "tracking=none", "trainer.epoch_s=0.1", "study.n_trials=6", "study.name=x")


@pytest.fixture
def start(workdir: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(*overrides: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hpo", *overrides]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=workdir))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for_epochs(n: int, *, timeout_s: float = 120) -> None:
    """Waits until the study in the working directory has noted `n` epochs; opens nothing that creates tables."""
    end = time.monotonic() + timeout_s
    while Record(Path(), is_shared=False).count_epochs() < n:
        assert time.monotonic() < end, f"the study did not reach {n} epochs"
        time.sleep(0.1)


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=120)
    assert process.returncode == 0


def read(name: str) -> list[TrialRecord]:
    storage = optuna.storages.RDBStorage("sqlite:///hpo.db", skip_table_creation=True, skip_compatibility_check=True)
    try:
        return read_study(storage, name)[1]
    finally:
        storage.engine.dispose()


def test_a_killed_driver_leaves_no_worker_and_the_same_command_continues(start: Start) -> None:
    undisturbed = run_study(*SLOW[:2], "study.n_trials=6", "study.name=y", "executor=inline", "storage.path=y/hpo.db")
    one = (*SLOW, "executor.n_workers=1")
    driver = start(*one)
    wait_for_epochs(4)
    workers = psutil.Process(driver.pid).children(recursive=True)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate(timeout=20)
    psutil.wait_procs(workers, timeout=20)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    again = start(*one)
    finish(again)
    trials = read("x")
    assert [t.state for t in trials] == [COMPLETE] * 6
    assert [canonical(t.params) for t in trials] == [canonical(t.params) for t in undisturbed.trials]
    assert [t.epochs[-1].metrics["valid_loss"] for t in trials] == [
        t.epochs[-1].metrics["valid_loss"] for t in undisturbed.trials
    ]


def test_a_killed_worker_is_replaced_and_its_trial_tried_again(start: Start) -> None:
    driver = start(*SLOW)
    wait_for_epochs(3)
    worker = spawned(driver.pid)[0]
    worker.kill()
    out, _ = driver.communicate(timeout=120)
    assert driver.returncode == 0
    assert "trying again (attempt 2)" in out
    trials = read("x")
    assert [t.state for t in trials] == [COMPLETE] * 6
    assert sorted(t.attempt for t in trials) == [1, 1, 1, 1, 1, 2]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_study_and_says_how_to_continue(start: Start, number: int, code: int) -> None:
    driver = start(*SLOW)
    wait_for_epochs(2)
    driver.send_signal(number)
    out, _ = driver.communicate(timeout=30)
    assert driver.returncode == code
    assert "interrupted" in out
    assert re.search(r"^next +hpo trainer=synthetic ", out, re.MULTILINE)
    finish(start(*SLOW))
    assert [t.state for t in read("x")] == [COMPLETE] * 6


def test_a_second_driver_is_refused_at_once_and_names_the_holder(start: Start) -> None:
    driver = start(*SLOW, "study.n_trials=60")
    wait_for_epochs(1)
    began = time.monotonic()
    second = start(*SLOW)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 3
    assert f"process {driver.pid} on {socket.gethostname()}" in err
    assert time.monotonic() - began < 30  # starting Python included; the refusal itself is immediate
    driver.kill()
    driver.communicate()
    assert json.loads((Path("studies") / "x" / "lock").read_text())["pid"] == driver.pid
    finish(start(*SLOW))  # a dead holder's lock does not block


def test_memory_storage_leaves_no_database(workdir: Path) -> None:
    report = run_study("trainer=synthetic", "tracking=none", "executor=inline", "storage=memory", "study.n_trials=2")
    assert len(report.trials) == 2
    assert not (workdir / "hpo.db").exists()


def test_a_refusal_is_one_line_and_cannot_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert refuse("'\x1b[2J' is unknown:\n  known\x07") == 2
    assert capsys.readouterr().err == "hpo: '\\x1b[2J' is unknown: known\\x07\n"
