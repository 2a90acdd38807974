"""`hpo ui`, as a process: it shows what studies told MLflow, to this machine alone, until it is told to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from hpo.commands.console import main
from tests.chaos.server import free_port
from tests.support.studies import run_study

Start = Callable[..., "subprocess.Popen[str]"]
MARKED = "MLFLOW_SERVER_ENABLE_JOB_EXECUTION"


@pytest.fixture
def start(workdir: Path, signals_of_a_terminal: None) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        command, pipe = [sys.executable, "-m", "hpo", "ui", *words], subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=workdir))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


def wait_for_page(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + 120
    while True:
        with (
            suppress(urllib.error.URLError, ConnectionError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health"),
        ):
            return
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)


def servers_of(ui: subprocess.Popen[str]) -> list[psutil.Process]:
    """Returns the processes of MLflow; multiprocessing has one or two of its own."""
    children = psutil.Process(ui.pid).children(recursive=True)
    mlflow = next(child for child in children if "mlflow" in child.cmdline())
    return [mlflow, *mlflow.children(recursive=True)]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        *(pytest.param(*ending, marks=pytest.mark.slow) for ending in ((signal.SIGINT, 0), (signal.SIGKILL, -9))),
    ],
)
def test_it_shows_the_trials_to_this_machine_until_it_is_ended(
    number: int, code: int, workdir: Path, start: Start
) -> None:
    run_study("trainer=synthetic", "executor=inline", "study.n_trials=2", "tracking.experiment=seen")
    port = free_port()
    ui = start(f"port={port}")
    wait_for_page(ui, port)
    address = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/get-by-name?experiment_name=seen"
    with urllib.request.urlopen(address) as answer:
        assert answer.status == 200
    assert ui.stdout is not None
    said = [ui.stdout.readline(), ui.stdout.readline()]
    servers = servers_of(ui)
    listening = [c.laddr for s in servers for c in s.net_connections() if c.status == psutil.CONN_LISTEN]
    assert {(place.ip, place.port) for place in listening} == {("127.0.0.1", port)}
    assert {(s.environ()[MARKED], s.environ()["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"]) for s in servers} == {
        ("false", "false")
    }
    second = start(f"port={port}")
    out, err = second.communicate(timeout=60)
    assert (second.returncode, out) == (2, "")
    assert err.startswith(f"hpo: port={port} is occupied: something listens at http://127.0.0.1:{port} already")
    ui.send_signal(number)
    out, err = ui.communicate(timeout=60)
    assert ui.returncode == code, err
    assert [*"".join(said).splitlines(), *out.splitlines()] == [
        f"http://127.0.0.1:{port} shows sqlite:///mlflow.db; Ctrl-C ends it.",
        f"seen: http://127.0.0.1:{port}/#/experiments/1/runs?workflowType=machine_learning",
    ]
    assert "GET /" not in err  # no line for every click
    assert "Traceback" not in err
    assert "Warning" not in err
    psutil.wait_procs(servers, timeout=30)
    assert not [server for server in servers if server.is_running()]


@pytest.mark.slow
def test_an_address_is_on_no_command_line(database: str, workdir: Path, start: Start) -> None:
    os.environ["SHOWN"] = database
    port = free_port()
    ui = start(f"port={port}", "tracking.uri=env:SHOWN")
    del os.environ["SHOWN"]
    wait_for_page(ui, port)
    lines = [word for process in psutil.Process(ui.pid).children(recursive=True) for word in process.cmdline()]
    assert str(port) in lines
    assert not [word for word in lines if database in word]
    ui.send_signal(signal.SIGINT)
    out, _ = ui.communicate(timeout=60)
    assert (ui.returncode, out.splitlines()[0].split(" shows ")[1]) == (0, "env:SHOWN; Ctrl-C ends it.")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "tracking.uri=sqlite:///mlflow.db is not there yet: a study makes it; go to the folder where studies ran"),
        (["tracking.uri=sqlite:///no.db"], "tracking.uri=sqlite:///no.db cannot be written (DatabaseError: "),
        (
            ["tracking.uri=http://127.0.0.1:5000"],
            "tracking.uri=http://127.0.0.1:5000 is a server with pages of",
        ),
        (["tracking.uri=foo"], "tracking.uri='foo' is nothing MLflow can write to"),
        (["tracking.uri=postgresql+psycopg://me:CANARY@127.0.0.1:1/x"], "tracking.uri=postgresql+psycopg://***@"),
        (["tracking=none"], "tracking=none shows nothing"),
        (["port=0"], "port=0 is no port; give a number from 1 to 65535"),
        (["port=x"], "port=x is no port"),
        (["prot=5001"], "prot is not a setting"),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(
    words: list[str], sentence: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workdir / "no.db").write_text("no database at all, but long enough to have a header" * 9)
    assert main(["ui", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"hpo: {sentence}")
    assert captured.err.count("\n") == 1
    assert "CANARY" not in captured.err
    assert [path.name for path in workdir.iterdir()] == ["no.db"]


def test_a_port_that_is_taken_is_told_before_anything_starts(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["ui", f"port={port}"]) == 2
    assert f"port={port} is occupied" in capsys.readouterr().err
