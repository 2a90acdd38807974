"""The mirror over HTTP: a real `mlflow server` that is killed, restarted and stopped in its tracks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution

from hpo.mirror import Mirror
from hpo.mlflow_client import open_client

from shown import make_study, make_trial, new_db, shown

SPACE = {"train.lr": FloatDistribution(1e-4, 0.1, log=True)}


class Server:
    """A server over one folder that can die and come back at the same address."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        store = f"sqlite:///{self._folder}/mlflow.db"
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlflow", "server", "--workers", "1"),
                *("--host", "127.0.0.1", "--port", str(self._port), "--backend-store-uri", store),
            ],
            cwd=self._folder,
            env={
                "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
                "HOME": str(self._folder),
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 90
        while not self._answers():
            assert time.monotonic() < deadline, "mlflow server did not start"
            assert self._process.poll() is None, "mlflow server ended at once"
            time.sleep(0.1)

    def send(self, number: signal.Signals) -> None:
        """Signals the server and its worker, which share a process group of their own."""
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        if self._process.poll() is None:
            self.send(signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    new_db(tmp_path / "server")
    server = Server(tmp_path / "server")
    server.start()
    yield server
    server.kill()


def test_nothing_is_lost_when_the_server_dies_and_returns(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    study, trials = make_study(tmp_path), [make_trial(number) for number in range(12)]
    mirror = Mirror(server.uri, SPACE)
    mirror.study(study)
    longest_s = 0.0
    for trial in trials:
        started_s = time.monotonic()
        mirror.trial(study, trial)
        longest_s = max(longest_s, time.monotonic() - started_s)
        time.sleep(0.15)
        match trial.number:
            case 3:
                server.kill()
            case 6:
                server.start()
            case 8:
                server.send(signal.SIGSTOP)
                time.sleep(3)
                server.send(signal.SIGCONT)
    mirror.finish(study, trials, tmp_path)
    assert mirror.close(90) == 0
    assert longest_s < 0.5

    runs = shown(server.uri)
    assert len(runs) == 13
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    rebuilt = new_db(tmp_path / "rebuilt")
    assert Mirror(rebuilt, SPACE).sync(study, trials, tmp_path, is_finished=True) == 13
    assert shown(rebuilt) == runs
    assert Mirror(server.uri, SPACE).sync(study, trials, tmp_path, is_finished=True) == 0
    assert_a_server_shows_what_was_written_without_it(tmp_path, server)


def assert_a_server_shows_what_was_written_without_it(tmp_path: Path, server: Server) -> None:
    """The default way: studies write to the file, `mlflow ui` is started beside it now and then."""
    study, trial = make_study(tmp_path, experiment="a/b ü", uid="e1" * 16), make_trial(0)
    direct = Mirror(f"sqlite:///{tmp_path}/server/mlflow.db", SPACE)
    assert direct.sync(study, [trial], tmp_path, is_finished=True) == 2
    assert "train:" in shown(server.uri, "a/b ü")[f"{study.uid}/0"]["artifacts"]["config.yaml"]
    run = open_client(server.uri).search_runs(["2"], filter_string="tags.`hpo.trial` = '0'")[0]
    with urllib.request.urlopen(f"{server.uri}/get-artifact?path=config.yaml&run_uuid={run.info.run_id}") as page:
        assert b"train:" in page.read()
