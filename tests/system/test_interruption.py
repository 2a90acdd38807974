"""Signals to the real command: a checkpoint after the batch, the right exit code, how to go on; twice stops at once."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hpo.contracts.records import COMPLETE, RUNNING
from tests.support.background_studies import (
    Started,
    checkpoints,
    losses,
    newest_checkpoint,
    read,
    training,
    wait_for,
)
from tests.support.worker_processes import spawned

pytestmark = pytest.mark.usefixtures("signals_of_a_terminal")


@pytest.mark.slow
def test_a_signal_lets_the_batch_end_and_nothing_is_trained_again(start: Started, tmp_path: Path) -> None:
    command = training(tmp_path)
    undisturbed = start(*command, f"storage.path={tmp_path}/undisturbed/hpo.db")
    assert undisturbed.wait(200) == 0
    for number, code in ((signal.SIGTERM, 143), (signal.SIGUSR1, 138)):
        began, driver = time.time(), start(*command)
        wait_for(lambda began=began: newest_checkpoint(tmp_path) > began)
        time.sleep(0.1)  # into the next epoch
        sent = time.time()
        driver.send_signal(number)
        out, err = driver.communicate(timeout=30)
        assert driver.returncode == code, err
        assert time.time() - sent < 30
        assert "running trials leave a checkpoint after their batch" in out
        assert re.search(r"^next +hpo data=table ", out, re.MULTILINE)
        assert newest_checkpoint(tmp_path) > sent
        assert [trial.state for trial in read(tmp_path)][-1] == RUNNING
    driver = start(*command)
    assert driver.wait(200) == 0
    assert [trial.state for trial in read(tmp_path)] == [COMPLETE] * 2
    assert losses(read(tmp_path)) == losses(read(tmp_path / "undisturbed"))
    assert checkpoints(tmp_path) == []


SLOW = ("trainer=synthetic", "tracking=none", "trainer.epoch_s=60", "study.name=x", "executor.n_workers=1")


@pytest.mark.slow
def test_a_second_signal_stops_at_once(start: Started) -> None:
    driver = start(*SLOW, "trainer.epoch_s=12")
    wait_for(lambda: checkpoints(start.folder))
    driver.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert driver.poll() is None  # the next epoch is one batch of twelve seconds
    sent = time.monotonic()
    driver.send_signal(signal.SIGINT)
    _, err = driver.communicate(timeout=15)
    assert time.monotonic() - sent < 8
    assert driver.returncode == 130
    assert "Traceback" not in err
    assert "the same command continues" in err


@pytest.mark.slow
def test_a_trial_that_does_not_end_its_batch_is_given_up_in_time(start: Started) -> None:
    driver = start(*SLOW, "trainer.epoch_s=40")  # longer than anybody waits
    wait_for(lambda: checkpoints(start.folder))
    sent = time.monotonic()
    driver.send_signal(signal.SIGTERM)
    driver.communicate(timeout=60)
    assert driver.returncode == 143
    assert time.monotonic() - sent < 30
    assert [trial.state for trial in read(start.folder)] == [RUNNING]


def test_ctrl_c_on_a_terminal_reaches_the_driver_alone(workdir: Path) -> None:
    """The terminal signals the whole group; the workers leave the decision to the driver."""
    command = [sys.executable, "-m", "hpo", *SLOW[:2], "trainer.epoch_s=0.2", *SLOW[3:], "study.n_trials=9"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(command[0], command)
    seen = b""
    try:
        wait_for(lambda: checkpoints(workdir))
        os.write(terminal, b"\x03")
        while True:
            try:
                chunk = os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
            seen += chunk
    finally:
        _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert b"Traceback" not in seen
    assert b"interrupted" in seen
    assert 0 < len(read(workdir)) < 9


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_to_all_processes_reaches_no_worker_that_starts(workdir: Path, number: int, code: int) -> None:
    """A terminal, systemd and Slurm signal the whole group, also while its workers are not ready for it."""
    command = [sys.executable, "-m", "hpo", *SLOW[:2], "trainer.epoch_s=0.2", *SLOW[3:], "study.n_trials=9"]
    pipe = subprocess.PIPE
    driver = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=workdir, start_new_session=True)
    wait_for(lambda: spawned(driver.pid))
    os.killpg(driver.pid, number)
    out, err = driver.communicate(timeout=60)
    assert (driver.returncode, err) == (code, "")
    assert "interrupted" in out
    (trial,) = read(workdir)
    assert trial.attempt == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGUSR1, 138)])
def test_a_signal_during_the_preparation_ends_as_ctrl_c_does(start: Started, number: int, code: int) -> None:
    driver = start("data=docstrings", f"data.cache={start.folder}/cache", "tracking=none")
    wait_for((start.folder / "cache/index").exists)
    driver.send_signal(number)
    out, err = driver.communicate(timeout=30)
    assert (driver.returncode, err) == (code, "hpo: interrupted; the same command continues.\n")
    assert "study" not in out
    assert list((start.folder / "cache").iterdir()) == [start.folder / "cache/index"]


def test_a_lost_terminal_lets_the_batch_end(workdir: Path) -> None:
    command = [sys.executable, "-m", "hpo", *SLOW[:2], "trainer.epoch_s=2", *SLOW[3:], "study.n_trials=9"]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=workdir, start_new_session=True)
    wait_for(lambda: checkpoints(workdir))
    before = newest_checkpoint(workdir)
    os.killpg(driver.pid, signal.SIGHUP)
    assert driver.wait(60) == 129
    assert newest_checkpoint(workdir) > before


def test_ctrl_c_while_the_command_still_imports_is_no_traceback(workdir: Path) -> None:
    """The place is certain: Python itself raises it where the package begins to import its libraries."""
    code = (
        "import signal, sys\n"
        "from importlib.abc import MetaPathFinder\n"
        "class Interrupting(MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'hydra':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from hpo.commands.console import main\n"
        "sys.exit(main(['trainer=synthetic']))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=workdir, timeout=60)
    assert (ran.returncode, ran.stderr) == (130, "hpo: interrupted; the same command continues.\n")


def test_nohup_keeps_a_study_going(workdir: Path) -> None:
    command = shlex.join([sys.executable, "-m", "hpo", *SLOW[:2], "trainer.epoch_s=0.2", *SLOW[3:], "study.n_trials=2"])
    process = subprocess.Popen(["sh", "-c", f"trap '' HUP; exec {command}"], cwd=workdir, stdout=subprocess.DEVNULL)
    wait_for(lambda: checkpoints(workdir))
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 0
    assert [trial.state for trial in read(workdir)] == [COMPLETE] * 2


def test_no_worker_outlives_its_driver(start: Started) -> None:
    driver = start(*SLOW)
    wait_for(lambda: (start.folder / "studies/x/trials").exists())
    wait_for(lambda: spawned(driver.pid))
    time.sleep(2)  # into its epoch of a minute, in which it looks at no pipe
    workers = spawned(driver.pid)
    driver.kill()
    driver.wait(10)  # not for its output: workers share that
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert [worker for worker in alive if worker.status() != psutil.STATUS_ZOMBIE] == []
    holder = json.loads((start.folder / "studies/x/lock").read_text())
    assert holder["pid"] == driver.pid  # whoever comes next takes the lock all the same
