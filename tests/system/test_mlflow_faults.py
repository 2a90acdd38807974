"""Studies under an MLflow that is away, hangs, errs, answers half or refuses: the command, a server, a proxy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from optuna.storages import RDBStorage

from hpo.commands.sync import main as sync
from hpo.contracts.records import COMPLETE, TrialRecord
from hpo.storage.record import read_study
from hpo.tracking.client import open_client
from tests.chaos.server import MlflowServer, free_port
from tests.support import ROOT
from tests.support.mlflow_contents import new_db, shown
from tests.support.mlflow_proxy import MODES, Proxy
from tests.support.studies import run_study

N_TRIALS, N_EPOCHS, EPOCH_S = 6, 3, 0.8  # long enough for MLflow to be imported beside them
STUDY = (
    *("trainer=synthetic", f"trainer.epoch_s={EPOCH_S}", "sampler=random", f"train.epochs={N_EPOCHS}"),
    *(f"study.n_trials={N_TRIALS}", "study.name=x", "executor.n_workers=1"),
)
STALL_S = 5.0  # what MLflow may add to a trial
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "PYTHONPATH": str(ROOT),
}
AWAY = "the study goes on, its trials will be shown later"


class Driver:
    """`hpo` under way in a folder of its own, which names its experiment."""

    def __init__(self, folder: Path, uri: str, *overrides: str, request_timeout_s: int = 3) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self._out = folder, folder / "out.txt"
        command = [sys.executable, "-m", "hpo", *STUDY, f"tracking.uri={uri}", f"tracking.experiment={folder.name}"]
        with self._out.open("w") as out:
            self.process = subprocess.Popen(
                [*command, *overrides],
                cwd=folder,
                env={**ENVIRONMENT, "MLFLOW_HTTP_REQUEST_TIMEOUT": str(request_timeout_s)},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self._out.read_text()

    def wait_for(self, is_true: Callable[[str], object]) -> None:
        """Waits until something is true, be it of what is printed, before the study ends."""
        deadline = time.monotonic() + 120
        while not is_true(self.text):
            assert time.monotonic() < deadline, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.05)

    def finish(self) -> str:
        """Returns what a study that went well has printed."""
        code = self.process.wait(timeout=120)
        assert code == 0, self.text
        assert "Traceback" not in self.text
        return self.text


def read(folder: Path) -> list[TrialRecord]:
    storage = RDBStorage(f"sqlite:///{folder}/hpo.db", skip_table_creation=True)
    try:
        return read_study(storage, "x")[1]
    finally:
        storage.engine.dispose()


def overheads_s(folder: Path) -> list[float]:
    """Returns what each trial took beside its epochs, in seconds."""
    return [
        (trial.ended_ms or 0) / 1000 - trial.started_ms / 1000 - sum(e.metrics["seconds"] for e in trial.epochs)
        for trial in read(folder)
    ]


def missing(text: str) -> tuple[int, str]:
    """Returns how many runs the summary says MLflow lacks, and the command that it gives for them."""
    found = re.search(r"(\d+) runs? (?:is|are) not in MLflow yet: (.*)", text)
    return (int(found[1]), found[2]) if found else (0, "")


def run_verbatim(command: str, folder: Path) -> tuple[int, str]:
    """Returns the exit code of a command as a shell runs it, and what it prints."""
    done = subprocess.run(
        command, shell=True, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    folder = tmp_path_factory.mktemp("server")
    new_db(folder)
    server = MlflowServer(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def proxies(server: MlflowServer) -> Iterator[list[Proxy]]:
    proxies = [Proxy(server.port) for _ in range(3)]
    yield proxies
    for proxy in proxies:
        proxy.close()


@pytest.fixture
def proxy(proxies: list[Proxy]) -> Proxy:
    return proxies[0]


@pytest.fixture(scope="module")
def undisturbed_s(server: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """What each trial takes beside its epochs while MLflow is well."""
    folder = tmp_path_factory.mktemp("undisturbed")
    text = Driver(folder, server.uri).finish()
    assert missing(text) == (0, "")
    assert len(shown(server.uri, folder.name)) == N_TRIALS + 1
    return overheads_s(folder)


def assert_not_slowed(folder: Path, undisturbed_s: list[float]) -> None:
    assert [trial.state for trial in read(folder)] == [COMPLETE] * N_TRIALS
    for number, (overhead_s, usual_s) in enumerate(zip(overheads_s(folder), undisturbed_s, strict=True)):
        assert overhead_s < usual_s + STALL_S, f"trial {number}: {overhead_s:.1f} s beside its epochs"


def assert_complete(
    folder: Path, server: MlflowServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Asserts that MLflow shows what an MLflow rebuilt from the record shows, and that a sync finds nothing to do."""
    monkeypatch.chdir(folder)
    rebuilt = new_db(folder / "rebuilt")
    assert sync([f"tracking.uri={rebuilt}"]) == 0
    capsys.readouterr()
    assert sync([f"tracking.uri={server.uri}"]) == 0
    assert capsys.readouterr().out == "x: already complete\n"
    runs = shown(server.uri, folder.name)
    assert len(runs) == N_TRIALS + 1
    assert {run["status"] for run in runs.values()} == {"FINISHED"}
    assert runs == shown(rebuilt, folder.name)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_a_study_does_not_suffer_and_everything_arrives(
    mode: str,
    tmp_path: Path,
    server: MlflowServer,
    proxies: list[Proxy],
    undisturbed_s: list[float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Two studies side by side: one disturbed from the start to the middle and at the end, one all the time."""

    def run(phase: str, proxy: Proxy) -> tuple[Path, str]:
        proxy.switch(mode)
        driver = Driver(tmp_path / f"{mode}-{phase}", proxy.uri)
        if phase == "twice":
            driver.wait_for(lambda text: "[1/" in text and (proxy.n_spoilt or AWAY in text))
            proxy.switch("pass")
            driver.wait_for(lambda text: "[3/" in text and proxy.n_served > 4)
            proxy.switch(mode)
        text = driver.finish()
        proxy.switch("pass")
        return driver.folder, text

    phases = ("throughout",) if mode == "slow" else ("throughout", "twice")
    with ThreadPoolExecutor(len(phases)) as pool:
        ended = list(pool.map(run, phases, proxies))
    for folder, text in ended:
        assert_not_slowed(folder, undisturbed_s)
        n_missing, command = missing(text)
        assert "MLflow refuses" not in text
        if mode != "slow":
            assert AWAY in text
            assert n_missing == N_TRIALS + 1 or (folder.name.endswith("twice") and n_missing > 0)
            assert "hpo waits up to 5 s for it to be shown, too" in text
        if n_missing:
            code, said = run_verbatim(command, folder)
            assert code == 0, said
        assert_complete(folder, server, monkeypatch, capsys)


@pytest.mark.slow
def test_a_server_that_dies_and_returns_in_the_middle_lacks_nothing(
    tmp_path: Path, undisturbed_s: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new_db(tmp_path)
    server = MlflowServer(tmp_path)
    try:
        server.start()
        driver = Driver(
            tmp_path / "restarted", server.uri, "trainer.epoch_s=1.6"
        )  # longer than a server takes to start
        driver.wait_for(lambda text: "[1/" in text and n_runs(server, driver.folder.name) > 1)
        server.kill()
        driver.wait_for(lambda text: AWAY in text)
        server.start()
        n_before = n_runs(server, driver.folder.name)
        driver.wait_for(lambda _: n_runs(server, driver.folder.name) > n_before)
        assert missing(driver.finish()) == (0, "")
        assert_not_slowed(driver.folder, undisturbed_s)
        assert_complete(driver.folder, server, monkeypatch, capsys)
    finally:
        server.kill()


def n_runs(server: MlflowServer, experiment: str) -> int:
    client = open_client(server.uri)
    found = client.get_experiment_by_name(experiment)
    return len(client.search_runs([found.experiment_id])) if found else 0


def run_ids(server: MlflowServer, experiment: str) -> dict[str, str]:
    """Returns the MLflow run of each trial and of the study."""
    client = open_client(server.uri)
    runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
    return {run.data.tags.get("hpo.trial_uid", "study"): run.info.run_id for run in runs}


@pytest.mark.slow
def test_a_driver_killed_while_mlflow_is_away_goes_on_in_the_same_runs(
    tmp_path: Path,
    server: MlflowServer,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    driver = Driver(tmp_path / "killed", proxy.uri)
    driver.wait_for(lambda text: "[2/" in text and n_runs(server, "killed") > 2)
    proxy.switch("refuse")
    driver.wait_for(lambda text: AWAY in text)
    driver.process.kill()
    driver.process.wait()
    n_asked = len(read(driver.folder))
    left = shown(server.uri, "killed")
    assert "RUNNING" in {run["status"] for run in left.values()}

    monkeypatch.chdir(driver.folder)
    assert sync([f"tracking.uri={server.uri}"]) == 0
    closed, before = shown(server.uri, "killed"), run_ids(server, "killed")
    assert len(closed) == n_asked + 1
    assert {run["status"] for run in closed.values()} == {"FINISHED", "SCHEDULED"}

    proxy.switch("pass")
    assert missing(Driver(driver.folder, proxy.uri).finish()) == (0, "")
    assert_complete(driver.folder, server, monkeypatch, capsys)
    after = run_ids(server, "killed")
    assert {uid: after[uid] for uid in before} == before


@pytest.mark.slow
def test_what_is_refused_for_good_is_in_a_file_until_it_is_taken(
    tmp_path: Path,
    server: MlflowServer,
    proxies: list[Proxy],
    undisturbed_s: list[float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Three studies side by side: numbers, artifacts, or new runs are what is refused."""

    def run(mode: str, proxy: Proxy) -> tuple[Path, str]:
        proxy.switch(mode)
        driver = Driver(tmp_path / f"refused-{mode[:3]}", proxy.uri)
        return driver.folder, driver.finish()

    answers = {"400": "400 (the proxy says no)", "404": "404 (the proxy says no)"}
    answers["413"] = "413 Client Error: Request Entity Too Large"
    with ThreadPoolExecutor(3) as pool:
        modes = ("400 POST .*/log-batch", "413 PUT .*/config.yaml", "404 POST .*/runs/create")
        ended = list(pool.map(run, modes, proxies))
    for (folder, text), proxy in zip(ended, proxies, strict=True):
        assert_not_slowed(folder, undisturbed_s)
        letters = folder / "studies" / "x" / "mlflow-refused.jsonl"
        assert len(letters.read_text().splitlines()) == N_TRIALS + 1
        answer = answers[folder.name[-3:]]
        if folder.name.endswith("413"):  # an artifact alone: what has no need of it is shown
            (note,) = [line for line in text.splitlines() if "which this machine cannot write to" in line]
            assert answer in note
        else:
            (note,) = [line for line in text.splitlines() if "MLflow refuses" in line and ": it answers " in line]
            assert f": it answers {answer}; see {letters}." in note
        assert f"MLflow refuses some of them: see {letters}\n" in text
        assert missing(text)[0] == N_TRIALS + 1
        monkeypatch.chdir(folder)
        assert sync([f"tracking.uri={proxy.uri}"]) == 2
        said = capsys.readouterr()
        assert said.out == f"x: 0 of {N_TRIALS + 1} runs created or changed, {N_TRIALS + 1} refused\n"
        assert said.err == f"hpo: MLflow refuses some runs; see {letters}.\n"

        proxy.switch("pass")
        assert sync([f"tracking.uri={proxy.uri}"]) == 0
        assert not letters.exists()
        assert_complete(folder, server, monkeypatch, capsys)


def test_the_end_of_a_command_waits_for_a_silent_mlflow_as_long_as_was_set(tmp_path: Path) -> None:
    proxy = Proxy(free_port())
    proxy.switch("hang")
    short = ("tracking.flush_timeout_s=2", "study.n_trials=2", "train.epochs=1", "trainer.epoch_s=0")
    driver = Driver(tmp_path / "silent", proxy.uri, *short, request_timeout_s=60)
    driver.wait_for(lambda text: "[2/" in text)
    began_s = time.monotonic()
    text = driver.finish()
    took_s = time.monotonic() - began_s
    proxy.close()
    assert took_s < 2 + 10  # the test of the best trial and the end of Python included
    assert [trial.state for trial in read(driver.folder)] == [COMPLETE] * 2
    assert missing(text) == (3, f"hpo sync study.name=x tracking.uri={proxy.uri}")


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("refuse", "refuses connections"),
        ("hang", "does not answer within MLFLOW_HTTP_REQUEST_TIMEOUT=1 s"),
        ("500", "answers 500 (Internal Server Error)"),
        ("401 .", "answers 401 (the proxy says no)"),
        ("403 .", "answers 403 (the proxy says no)"),
        ("404 .", "answers 404 (the proxy says no)"),
    ],
)
def test_sync_says_in_a_sentence_what_is_wrong_with_mlflow(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: str, reason: str
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    run_study("trainer=synthetic", "executor=inline", "tracking=none", "study.n_trials=1", "study.name=x")
    capsys.readouterr()
    proxy = Proxy(free_port())
    proxy.switch(mode)
    began_s = time.monotonic()
    assert sync([f"tracking.uri={proxy.uri}"]) == 2
    assert time.monotonic() - began_s < 20  # MLflow's import included
    proxy.close()
    advice = "call again when it is well, or give another tracking.uri."
    assert capsys.readouterr().err == f"hpo: MLflow at {proxy.uri} {reason}; {advice}\n"
