"""Which model is the champion of its experiment, and that MLflow serves it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from hpo.artifacts.folders import MODEL_FOLDER
from hpo.model.answers import TextModel
from hpo.model.folder import Description, read_description
from hpo.tracking.client import prepare_import
from hpo.tracking.registered_models import ModelJob, _register
from tests.chaos.server import free_port
from tests.support.kept_models import client_of, mlflow_at, study_run

if TYPE_CHECKING:
    from mlflow import MlflowClient

pytestmark = pytest.mark.slow
prepare_import()


def changed(description: Description, **made: object) -> Description:
    """Returns the description of another model of the same experiment."""
    return replace(description, provenance={**description.provenance, **made})


@pytest.mark.parametrize(
    ("made", "is_champion"),
    [
        ({"test": {"test_accuracy": 1.0}}, True),
        ({"test": {"test_accuracy": 0.0}}, False),
        ({"test": {"test_accuracy": None}}, False),  # stands for the champion's own
        ({"test": {"test_accuracy": 1.0}, "data_fingerprint": "other"}, False),
        ({"test": {}}, False),
        ({"test": {"test_loss": 0.0}, "metric": "valid_loss"}, True),
        ({"test": {"test_loss": 99.0}, "metric": "valid_loss"}, False),
    ],
)
def test_the_alias_goes_to_what_beats_the_champion_on_the_same_texts(
    synced: Path, tmp_path: Path, made: dict[str, object], is_champion: bool
) -> None:
    shutil.copy(synced / "mlflow.db", tmp_path / "mlflow.db")
    shutil.copytree(synced / "mlartifacts", tmp_path / "mlartifacts")
    client = client_of(tmp_path)
    run = study_run(client)
    folder = synced / "studies" / "tiny" / MODEL_FOLDER
    description = read_description(folder)
    if made["test"] == {"test_accuracy": None}:
        made = {"test": description.provenance["test"], "seed": 1}
    job = ModelJob(folder, run.info.run_id, run.info.experiment_id)
    model_id = run.data.tags["model.uri"].removeprefix("models:/")
    with mlflow_at(f"sqlite:///{tmp_path}/mlflow.db"):
        said = _register(client, job, changed(description, **made), model_id)
    assert said.startswith("yes: version 2 of docstrings" if is_champion else "no: ")
    version = client.get_registered_model("docstrings").aliases["champion"]
    assert str(version) == ("2" if is_champion else "1")  # a number from a file, a text from a server
    assert len(client.search_model_versions("name='docstrings'")) == 1 + is_champion


class Rivalled:
    """A client whose alias a rival takes right after it was given, or at the very moment (MLflow then refuses)."""

    def __init__(self, client: MlflowClient, rival: str, *, is_at_once: bool) -> None:
        self._client, self._rival, self._is_at_once = client, rival, is_at_once
        self.n_given = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        from mlflow.exceptions import BAD_REQUEST, MlflowException

        self.n_given += 1
        is_first = self.n_given == 1
        if not (is_first and self._is_at_once):
            self._client.set_registered_model_alias(name, alias, version)
        if is_first:
            self._client.set_registered_model_alias(name, alias, self._rival)
            if self._is_at_once:
                raise MlflowException("UNIQUE constraint failed: registered_model_aliases.name", BAD_REQUEST)


@pytest.mark.parametrize("is_at_once", [False, True])
@pytest.mark.parametrize(("rival", "is_champion"), [(0.5, True), (1.0, False)])
def test_of_two_models_registered_at_once_the_better_one_is_the_champion(
    synced: Path, tmp_path: Path, rival: float, is_champion: bool, is_at_once: bool
) -> None:
    shutil.copy(synced / "mlflow.db", tmp_path / "mlflow.db")
    client = client_of(tmp_path)
    run = study_run(client)
    folder = synced / "studies" / "tiny" / MODEL_FOLDER
    test = {"metric": "accuracy", "test": {"test_accuracy": 0.9}, "seed": 1, "experiment": "other"}
    description = changed(read_description(folder), **test)
    job = ModelJob(folder, run.info.run_id, run.info.experiment_id)
    model_id = run.data.tags["model.uri"].removeprefix("models:/")
    client.create_registered_model("other")
    tags = {"hpo.data_fingerprint": description.provenance["data_fingerprint"], "test_accuracy": repr(rival)}
    other = client.create_model_version("other", source=f"models:/{model_id}", tags=tags)
    rivalled = Rivalled(client, other.version, is_at_once=is_at_once)
    with mlflow_at(f"sqlite:///{tmp_path}/mlflow.db"):
        said = _register(cast("MlflowClient", rivalled), job, description, model_id)
    assert said.startswith("yes: version 2 of other" if is_champion else "no: version 1 of other")
    assert str(client.get_registered_model("other").aliases["champion"]) == ("2" if is_champion else "1")
    assert len(client.search_model_versions("name='other'")) == 2
    assert rivalled.n_given == 1 + is_champion


@pytest.mark.slow
def test_mlflow_serves_it_without_pickles(synced: Path) -> None:
    port = free_port()
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": f"sqlite:///{synced}/mlflow.db",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = ["-m", "mlflow", "models", "serve", "-m", "models:/docstrings@champion", "--env-manager", "local"]
    with (synced / "served.txt").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, *command, "--host", "127.0.0.1", "-p", str(port)],
            env=environment, cwd=synced, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        texts = ["Compute the eigenvalues of an array.", "", "qwxyz"]
        answer = post(
            f"http://127.0.0.1:{port}/invocations", {"dataframe_records": [{"text": t} for t in texts]}, process
        )
    finally:
        os.killpg(process.pid, 9)
        process.wait()
    model = TextModel(synced / "studies" / "tiny" / MODEL_FOLDER)
    first, *others = model.answer(texts)
    assert first.probabilities is not None
    rows = answer["predictions"]
    assert rows[0]["probability"] == pytest.approx(float(first.probabilities.max()), abs=1e-6)
    assert [row["note"] for row in rows[1:]] == [other.note for other in others] == ["empty", "no known word"]
    assert [row["label"] for row in rows[1:]] == [None, None]


def post(url: str, content: object, process: subprocess.Popen[bytes]) -> dict[str, list[dict[str, object]]]:
    """Posts to a server that is starting."""
    deadline = time.monotonic() + 240
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                answer: dict[str, list[dict[str, object]]] = json.load(reply)
                return answer
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.5)
