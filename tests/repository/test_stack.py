"""The services of docker-compose.yml at work, without docker: their commands and environments, a study through them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

import hpo
from tests.support import ROOT
from tests.support.browser import HAS_CHROMIUM, open_page
from tests.support.compose_stack import Stack, compose, composer, write_environment
from tests.support.mlflow_proxy import free_port

NAME = "study-of-the-stack"
STUDY = ("trainer=synthetic", "executor=inline", "trainer.epoch_s=0.0001", "study.n_trials=6", f"study.name={NAME}")
API, ARTIFACTS = "api/2.0/mlflow", "api/2.0/mlflow-artifacts/artifacts"


@contextmanager
def running(*words: str) -> Iterator[Stack]:
    """Yields the stack with its servers up, begun in the order in which Compose begins them, and a study done."""
    with TemporaryDirectory(prefix="hpo-stack-") as folder:  # pytest's own may not be entered by PostgreSQL's user
        stack = Stack(Path(folder), *words)
        try:
            for name in ("s3", "mlflow") if "--s3" in words else ("mlflow",):
                stack.begin(name)
            made = stack.run("record")
            assert made.returncode == 0, made.stderr
            stack.start("dashboard")
            stack.wait("mlflow")
            done = stack.run("hpo", STUDY)
            assert (done.returncode, done.stderr) == (0, ""), done.stdout
            yield stack
        finally:
            stack.close()


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running() as stack:
        yield stack


def ask(stack: Stack, path: str, content: object = None, *, host: str = "mlflow:5000") -> Any:
    """Returns what MLflow answers to a client that calls it `host`, or the status of a refusal; GET without content."""
    address = f"http://127.0.0.1:{stack.ports['mlflow']}/{path}"
    body = None if content is None else json.dumps(content).encode()
    return answer_to(urllib.request.Request(address, body, {"Host": host, "Content-Type": "application/json"}))


def answer_to(asked: urllib.request.Request) -> Any:
    """Returns an answer's content, or the status of a refusal."""
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            text = answer.read().decode()
            is_json = answer.headers.get("Content-Type", "").startswith("application/json")
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code
    return json.loads(text) if is_json else text


def find_runs(stack: Stack) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Returns the study's run and those of its trials as MLflow has them."""
    experiments = ask(stack, f"{API}/experiments/search", {"max_results": 10})["experiments"]
    ids = [each["experiment_id"] for each in experiments if each["name"] == "synthetic"]
    runs = ask(stack, f"{API}/runs/search", {"experiment_ids": ids, "max_results": 100})["runs"]
    parents = [run for run in runs if run["info"]["run_name"] == NAME]
    assert len(parents) == 1
    return parents[0], [run for run in runs if run is not parents[0]]


def fetch(stack: Stack, path: str, *, method: str = "GET") -> Any:
    """Returns what optuna-dashboard answers."""
    body = None if method == "GET" else b"{}"
    address = f"http://127.0.0.1:{stack.ports['dashboard']}{path}"
    return answer_to(urllib.request.Request(address, body, {"Content-Type": "application/json"}, method=method))


def test_a_study_is_read_back_through_mlflow(stack: Stack) -> None:
    parent, trials = find_runs(stack)
    assert parent["info"]["status"] == "FINISHED"
    assert [trial["info"]["status"] for trial in trials] == ["FINISHED"] * 6
    assert {metric["key"] for metric in trials[0]["data"]["metrics"]} >= {"accuracy", "valid_loss"}
    assert parent["info"]["artifact_uri"].startswith("mlflow-artifacts:/")


def test_the_services_run_the_built_package_by_its_command(stack: Stack) -> None:
    assert stack.services["hpo"]["entrypoint"][0] == "hpo"
    shown = stack.run("hpo", ["--version"])
    assert (shown.returncode, shown.stdout) == (0, f"hpo {hpo.__version__}\n")
    assert (stack.package / "bin" / "hpo").is_file()
    failed = stack.run("hpo", ["trainer=function", "trainer.call=no:where", "space=function"])
    assert str(ROOT / "hpo") not in failed.stderr
    where = [sys.executable, "-c", "import hpo; print(hpo.__file__)"]
    found = subprocess.run(where, env={"PYTHONPATH": str(stack.package)}, cwd="/", capture_output=True, text=True)
    assert found.stdout.startswith(str(stack.package))


def test_other_commands_know_the_servers_too(stack: Stack) -> None:
    synced = stack.run("hpo", ["sync"])
    assert (synced.returncode, synced.stderr) == (0, "")
    assert synced.stdout.startswith(f"{NAME}: ")
    examined = stack.run("hpo", ["doctor", "trainer=synthetic"])
    assert examined.returncode == 0, examined.stdout
    assert "storage.url=env:HPO_STORAGE_URL: 1 study" in examined.stdout
    assert "tracking.uri=http://mlflow:5000: it answers" in examined.stdout


def test_its_artifacts_go_through_the_server(stack: Stack) -> None:
    parent, _ = find_runs(stack)
    listed = ask(stack, f"{API}/artifacts/list?run_id={parent['info']['run_id']}")["files"]
    assert {each["path"] for each in listed} >= {"trials.csv"}
    where = parent["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    assert ask(stack, f"{ARTIFACTS}/{where}/trials.csv").count("\n") == 7


@pytest.mark.parametrize(
    ("host", "code"),
    [("localhost:5000", 200), ("127.0.0.1:5000", 200), ("mlflow:5001", 403), ("evil.example", 403), ("10.0.0.1", 403)],
)
def test_mlflow_answers_to_its_names_alone(host: str, code: int, stack: Stack) -> None:
    answer = ask(stack, f"{API}/experiments/get?experiment_id=0", host=host)
    assert answer == code if code != 200 else answer["experiment"]["name"] == "Default"


def test_the_dashboard_shows_the_study_by_name_and_attributes(stack: Stack) -> None:
    (study,) = fetch(stack, "/api/studies")["study_summaries"]
    assert (study["study_name"], study["directions"]) == (NAME, ["maximize"])
    shown = {each["key"]: each["value"] for each in study["user_attrs"]}
    assert shown.items() >= {"experiment": "synthetic", "sampler": "tpe", "pruner": "none", "seed": "0"}.items()
    detail = fetch(stack, f"/api/studies/{study['study_id']}")
    assert detail["objective_names"] == ["accuracy"]
    assert [trial["state"] for trial in detail["trials"]] == ["Complete"] * 6
    for attributes in (study["user_attrs"], *(trial["user_attrs"] for trial in detail["trials"])):
        assert not [each for each in attributes if each["value"].startswith(("{", "["))]
    assert "<title>" in fetch(stack, "/dashboard")


def test_the_dashboard_changes_nothing(stack: Stack) -> None:
    (study,) = fetch(stack, "/api/studies")["study_summaries"]
    assert fetch(stack, f"/api/studies/{study['study_id']}", method="DELETE") == 500
    assert fetch(stack, "/api/studies")["study_summaries"] == [study]


def test_each_user_reaches_its_own_database_alone(stack: Stack) -> None:
    allowed = {("mlflow", "mlflow"), ("hpo", "hpo"), ("dashboard", "hpo")}
    for user in ("mlflow", "hpo", "dashboard"):
        for database in ("mlflow", "hpo", "postgres"):
            said = stack.query(user, database)
            assert said == database if (user, database) in allowed else "permission denied" in said


def test_servers_are_not_well_without_their_database(stack: Stack) -> None:
    stack.postgres.stop()
    try:
        assert not stack.is_healthy("mlflow")
        assert not stack.is_healthy("dashboard")
    finally:
        stack.postgres.start()
    deadline = time.monotonic() + 60
    while not (stack.is_healthy("mlflow") and stack.is_healthy("dashboard")):
        assert time.monotonic() < deadline


def test_mlflow_is_not_well_where_it_refuses_its_clients(stack: Stack) -> None:
    stack.stop("mlflow")
    stack.begin("mlflow", without="MLFLOW_SERVER_ALLOWED_HOSTS")
    stack.wait("mlflow", is_ready=lambda: is_up(stack))
    try:
        assert not stack.is_healthy("mlflow")
        assert ask(stack, f"{API}/experiments/get?experiment_id=0") == 403
    finally:
        stack.stop("mlflow")
        stack.start("mlflow")


def is_up(stack: Stack) -> bool:
    """Returns what a check of /health would."""
    with suppress(OSError):
        return bool(ask(stack, "health") == "OK")
    return False


def test_artifacts_go_into_a_bucket() -> None:
    with running("--s3") as stack:
        parent, _ = find_runs(stack)
        where = parent["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
        assert ask(stack, f"{ARTIFACTS}/{where}/trials.csv").count("\n") == 7
        assert (stack.folder / "data" / "mlflow" / where / "trials.csv").is_file()
        assert not list((stack.folder / "artifacts").iterdir())


@pytest.mark.skipif(not HAS_CHROMIUM, reason="needs chromium")
def test_the_dashboard_shows_the_study_in_a_browser(stack: Stack, tmp_path: Path) -> None:
    (study,) = fetch(stack, "/api/studies")["study_summaries"]
    address = f"http://127.0.0.1:{stack.ports['dashboard']}/dashboard"
    with open_page(address, tmp_path / "profile", height=1900) as page:
        page.wait(f"document.body.innerText.includes('{NAME}')")
        page.open(f"{address}/studies/{study['study_id']}")
        for text in ("Best Trial", "accuracy", "model.drop_mult", "sampler", "synthetic"):
            page.wait(f"document.body.innerText.includes('{text}')")
        assert not page.evaluate("document.body.innerText.includes('Objective 0')")
        page.save(tmp_path / "dashboard.png")
    assert not [message for message in page.messages if "TypeError" in message]


def has_engine() -> bool:
    """Returns whether there is a docker that can start something."""
    with suppress(OSError, subprocess.TimeoutExpired):
        found = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=30)
        return found.returncode == 0 and Path(composer()[0]).name == "docker"
    return False


@pytest.mark.docker
@pytest.mark.timeout(3600)
def test_docker_starts_all_of_it(tmp_path: Path) -> None:
    if not has_engine():
        pytest.skip("there is no docker engine with compose here")
    ports = {name: str(free_port()) for name in ("POSTGRES_PORT", "MLFLOW_PORT", "DASHBOARD_PORT")}
    environment = {**write_environment(tmp_path / ".env", "--s3"), **ports}

    def do(*words: str) -> str:
        done = compose("--project-name", f"hpo-test-{os.getpid()}", *words, environment=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    try:
        do("up", "--detach", "--build", "--wait")
        do("run", "--rm", "--no-TTY", "hpo", *STUDY)
        address = f"http://127.0.0.1:{ports['MLFLOW_PORT']}/api/2.0/mlflow/experiments/get-by-name"
        with urllib.request.urlopen(f"{address}?experiment_name=synthetic", timeout=30) as answer:
            assert json.load(answer)["experiment"]["name"] == "synthetic"
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['DASHBOARD_PORT']}/api/studies", timeout=30) as answer:
            assert [study["study_name"] for study in json.load(answer)["study_summaries"]] == [NAME]
        assert "trials.csv" in do("exec", "--no-TTY", "s3", "find", "/data/mlflow")
    finally:
        do("--profile", "cpu", "down", "--volumes", "--rmi", "local")
