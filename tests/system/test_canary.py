"""A password is where it was given and nowhere else: whole studies are run with one, and everything they left is read.

The MLflow server is real and asks for the password.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hpo.commands.console import main
from hpo.executors.worker import serve
from hpo.machine.signals import SIGNALS
from tests.chaos.server import free_port
from tests.support.canary_commands import Commands
from tests.support.executor_jobs import no_preload

USER, PASSWORD, OTHER = "CANARY-user", "CANARY-7hq-password", "CANARY-other"
STUDY = ("trainer=synthetic", "trainer.epoch_s=0.1", "executor.n_workers=2", "study.n_trials=6", "study.name=x")
SHORT = ("trainer=synthetic", "executor.n_workers=1", "study.n_trials=2")
QUICK = (*SHORT, "tracking.flush_timeout_s=3")


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Commands]:
    commands = Commands(tmp_path)
    yield commands
    commands.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The host and port of an MLflow that asks for USER and PASSWORD."""
    pytest.importorskip("flask_wtf", reason="MLflow's own login needs Flask-WTF")
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    (folder / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/users.db\nadmin_username = {USER}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "1"),
            *("--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        ],
        cwd=folder,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "of this test",
            "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
            "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not answers(port):
        assert time.monotonic() < deadline, "mlflow server did not start"
        assert process.poll() is None, "mlflow server ended at once"
        time.sleep(0.1)
    yield f"127.0.0.1:{port}"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.mark.slow
def test_a_study_leaves_the_password_nowhere(commands: Commands, server: str, tmp_path: Path) -> None:
    inside = {"HPO_TRACKING": f"http://{USER}:{PASSWORD}@{server}", "MLFLOW_TRACKING_PASSWORD": OTHER}
    driver = commands.start("hpo", *STUDY, "tracking.uri=env:HPO_TRACKING", env=inside)
    wait_for_a_trial(commands, driver)
    processes = [psutil.Process(driver.pid), *psutil.Process(driver.pid).children(recursive=True)]
    assert len(processes) >= 3
    assert "CANARY" not in " ".join(word for process in processes for word in process.cmdline())
    assert not [process for process in processes[1:] if "HPO_TRACKING" in process.environ()]
    driver.send_signal(signal.SIGKILL)
    commands.finish(driver)

    beside = {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    printed = commands.run("hpo", *STUDY, f"tracking.uri=http://{server}", env=beside)
    assert "the budget is reached" in printed
    assert "not in MLflow yet" not in printed
    (tmp_path / "address").write_text(f"http://{USER}:{PASSWORD}@{server}\n")
    printed = commands.run("hpo.sync", f"tracking.uri=file:{tmp_path / 'address'}")
    assert "x: already complete" in printed
    plain = f"tracking.uri=http://{USER}:{PASSWORD}@{server}"
    assert "Report: " in commands.run("hpo.report", "report.n_resamples=50", plain)

    assert b"TrialRequest" in commands.messages.read_bytes()
    assert {"hpo.db", "report.html"} <= {path.name for path in commands.folder.rglob("*")}
    assert commands.leaks() == []
    assert not shown_by(server)


def wait_for_a_trial(commands: Commands, driver: subprocess.Popen[str]) -> None:
    """Waits until a worker was handed a trial."""
    deadline = time.monotonic() + 120
    while not commands.messages.exists() or b"TrialRequest" not in commands.messages.read_bytes():
        assert time.monotonic() < deadline
        assert driver.poll() is None, commands.finish(driver)
        time.sleep(0.1)


def shown_by(server: str) -> list[str]:
    """Returns the runs at a server that show a canary, having looked at every one of them."""
    from hpo.tracking.client import open_client

    client = open_client(f"http://{USER}:{PASSWORD}@{server}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments)
    assert len(runs) == 8  # six trials, their study, the report
    found = []
    for run in runs:
        shown = str(run.to_dictionary())
        names = [file.path for file in client.list_artifacts(run.info.run_id) if not file.is_dir]
        texts = [Path(client.download_artifacts(run.info.run_id, name)).read_bytes() for name in names]
        found += [run.info.run_name] if "CANARY" in shown or any(b"CANARY" in text for text in texts) else []
    return found


SAID = {"refused": "refuses connections", "unauthorized": "answers 401 (", "wrong": "answers 401 ("}


@pytest.mark.slow
@pytest.mark.parametrize("way", ["unauthorized", "refused", "wrong"])
def test_an_mlflow_that_refuses_is_explained_without_the_password(way: str, commands: Commands, server: str) -> None:
    uri = {
        "refused": f"http://{USER}:{PASSWORD}@127.0.0.1:{free_port()}",
        "unauthorized": f"http://{server}",
        "wrong": f"http://{USER}:{OTHER}@{server}",
    }[way]
    env = {"HPO_TRACKING": uri}
    printed = commands.run("hpo", *QUICK, "study.name=x", "tracking.uri=env:HPO_TRACKING", env=env)
    assert "3 runs are not in MLflow yet: hpo sync study.name=x" in printed
    printed = commands.run("hpo.sync", "tracking.uri=env:HPO_TRACKING", env=env, code=2)
    assert printed.startswith(f"hpo: MLflow at env:HPO_TRACKING {SAID[way]}")
    assert printed.count("\n") == 1
    printed = commands.run("hpo.report", f"tracking.uri='{uri}'", "report.n_resamples=50")
    assert "does not take the report" in printed
    assert commands.leaks() == []


@pytest.mark.slow
def test_a_password_on_the_command_line_is_written_down_nowhere(commands: Commands) -> None:
    plain = f"tracking.uri=http://{USER}:{PASSWORD}@127.0.0.1:{free_port()}"
    commands.run("hpo", "-m", "seed=0,1", *QUICK, plain)
    printed = commands.run(
        *("hpo.compare", "name=pair", "samplers=[random,tpe]", "seeds=1", "budget.unit=trials", *QUICK, plain)
    )
    assert "does not take the report" in printed
    assert "tracking.uri=http://***@127.0.0.1" in (commands.folder / "reports" / "pair" / "report.html").read_text()
    printed = commands.run("hpo", *QUICK, "study.name=a/b", plain, code=2)
    assert "must be a file name" in printed
    assert commands.leaks() == []


def test_a_secret_that_is_not_there_is_one_sentence(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([SHORT[0], "executor=inline", "study.n_trials=2", "tracking=none", "study.name=x"]) == 0
    capsys.readouterr()
    before = sorted(path.name for path in workdir.rglob("*"))
    for command in ([SHORT[0]], ["compare", SHORT[0], "seeds=1"], ["sync"], ["report"]):
        for given in ("env:HPO_UNSET", "file:nothing.txt"):
            assert main([*command, f"tracking.uri={given}"]) == 2
            said = capsys.readouterr().err
            assert said.startswith(f"hpo: tracking.uri={given} names ")
            assert said.count("\n") == 1
    assert sorted(path.name for path in workdir.rglob("*")) == before


def test_a_worker_forgets_the_credentials_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    ours, theirs = multiprocessing.Pipe()
    driver = threading.Thread(target=lambda: (ours.recv(), ours.close()))
    driver.start()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        serve(theirs, 0, no_preload)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        driver.join()
    assert "MLFLOW_TRACKING_PASSWORD" not in os.environ
