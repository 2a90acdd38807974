"""What a command prints, by whatever means, has its secrets masked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpo.output import masked_output
from hpo.secret import reveal

PRINTING = """
import logging, sys, threading, warnings
from rich.console import Console
from hpo.output import masked_output
from hpo.secret import reveal

def fail():
    raise OSError("thread CANARY-8")

with masked_output():
    uri = reveal("http://me:CANARY-8@host/", "tracking.uri")
    logging.warning("logged %s", uri)
    warnings.warn("warned " + uri)
    Console().print("shown", uri, soft_wrap=True)
    sys.stderr.writelines(["lines ", uri])
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    raise ValueError("raised " + uri)
"""


def test_no_way_of_printing_shows_a_secret() -> None:
    ran = subprocess.run([sys.executable, "-c", PRINTING], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 1
    assert "CANARY" not in ran.stdout + ran.stderr
    for word in ("shown http://***@host/", "logged http", "warned http", "lines http", "thread ***", "raised http"):
        assert word in ran.stdout + ran.stderr


def test_the_streams_are_what_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with masked_output():
        assert sys.stdout.encoding == before[0].encoding
        assert not sys.stdout.isatty()
        print(reveal("http://me:CANARY-9@host", "tracking.uri"))
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "http://***@host\n"


def test_a_command_shows_no_password_it_was_given(workdir: Path) -> None:
    given = ["trainer=synthetic", "tracking.uri=http://me:CANARY-10@127.0.0.1:9"]
    for ask in (["--cfg", "job"], ["--cfg", "all"], ["samplr=tpe"]):
        ran = subprocess.run([sys.executable, "-m", "hpo", *ask, *given], capture_output=True, text=True, timeout=120)
        assert "CANARY" not in ran.stdout + ran.stderr
        assert (ran.returncode == 0) == (ask == ["--cfg", "job"])


def test_a_command_runs_without_standard_output(workdir: Path) -> None:
    command = f"exec {sys.executable} -m hpo trainer=synthetic tracking=none executor=inline study.n_trials=1 >&-"
    ran = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=120, cwd=workdir)
    assert (ran.returncode, ran.stderr) == (0, "")
