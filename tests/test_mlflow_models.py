"""A study's model in MLflow: logged from code, equal to the folder, champion of its experiment, read by MLflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
import pytest
from kept import trained_answers
from server import free_port

from hpo.mlflow_client import open_client, prepare_import, resolve_uri
from hpo.mlflow_errors import Told
from hpo.mlflow_models import ModelJob, _compare, _register
from hpo.model.answers import TextModel
from hpo.model.code import LIBRARIES, needed_files
from hpo.model.description import Description
from hpo.model.folder import MODEL_FOLDER, read_description
from hpo.sync import main as sync

from conftest import TINY, run_study

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

pytestmark = pytest.mark.slow
prepare_import()


@contextmanager
def mlflow_at(uri: str) -> Iterator[None]:
    """Lets MLflow's fluent calls go to `uri`, its own warnings unheard, the code it loads not on the path after."""
    import mlflow

    path = list(sys.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        yield
    sys.path[:] = path
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # where MLflow keeps the first of them, for its children


@pytest.fixture(scope="module")
def synced(kept_study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the study after MLflow was brought up to date."""
    folder = tmp_path_factory.mktemp("synced") / "work"
    shutil.copytree(kept_study, folder)
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert sync([]) == 0
    finally:
        os.chdir(before)
    return folder


def client_of(folder: Path) -> MlflowClient:
    return open_client(resolve_uri(f"sqlite:///{folder}/mlflow.db"))


def study_run(client: MlflowClient) -> Run:
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    (run,) = [r for r in client.search_runs([experiment.experiment_id]) if "mlflow.parentRunId" not in r.data.tags]
    return run


def test_the_model_in_mlflow_answers_as_the_training_process_did(synced: Path) -> None:
    import mlflow

    texts, trained = trained_answers(synced / "studies" / "tiny", synced / "cache")
    model = TextModel(synced / "studies" / "tiny" / MODEL_FOLDER)
    answers = np.array([answer.probabilities for answer in model.answer(texts)])
    with mlflow_at(f"sqlite:///{synced}/mlflow.db"):
        loaded = mlflow.pyfunc.load_model("models:/docstrings@champion")
        table = loaded.predict(pd.DataFrame({"text": texts}))
    served = table[[f"probability.{name}" for name in model.classes]].to_numpy(dtype=float)
    np.testing.assert_allclose(answers, trained, rtol=0, atol=1e-6)
    np.testing.assert_allclose(served, trained, rtol=0, atol=1e-6)
    assert list(table["label"]) == [model.classes[i] for i in trained.argmax(1)]
    assert len({*table["label"]}) > 1


def test_it_says_what_it_takes_and_what_it_needs(synced: Path) -> None:
    import mlflow

    uri = study_run(client_of(synced)).data.tags["model.uri"]
    with mlflow_at(f"sqlite:///{synced}/mlflow.db"):
        info = mlflow.models.get_model_info(uri)
        needed = Path(mlflow.pyfunc.get_model_dependencies(uri)).read_text().splitlines()
        files = [p for p in Path(mlflow.artifacts.download_artifacts(uri)).rglob("*") if p.is_file()]
    assert info.signature.inputs.input_names() == ["text"]
    assert info.signature.outputs.input_names()[:3] == ["label", "probability", "note"]
    assert info.saved_input_example_info is not None
    assert [line.partition("==")[0] for line in needed] == list(LIBRARIES)
    assert all("+" not in line and "==" in line for line in needed)
    assert {path.suffix for path in files} <= {".py", ".json", ".md", ".html", ".safetensors", ".txt", ".yaml", ""}
    assert {path.name for path in files if not path.suffix} <= {"MLmodel", "registered_model_meta"}


@pytest.mark.slow
def test_it_needs_no_hpo_where_it_is_loaded(synced: Path, tmp_path: Path) -> None:
    script = f"""
import sys, warnings; warnings.simplefilter("ignore")
from pathlib import Path
sys.path = [path for path in sys.path if path and not (Path(path) / "hpo" / "__init__.py").exists()]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
import mlflow, pandas
mlflow.set_tracking_uri("sqlite:///{synced}/mlflow.db"); mlflow.set_registry_uri("sqlite:///{synced}/mlflow.db")
model = mlflow.pyfunc.load_model("models:/docstrings@champion")
print(model.predict(pandas.DataFrame({{"text": ["an array"]}})).label[0])
import hpo; print(hpo.__file__)
"""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    label, place = done.stdout.splitlines()[-2:]
    assert label in read_description(synced / "studies" / "tiny" / MODEL_FOLDER).classes
    assert "/code/hpo/" in place


def test_the_code_beside_it_imports_what_is_required_and_nothing_else() -> None:
    import ast

    found = set()
    for path in needed_files():
        for node in ast.parse(path.read_text()).body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {name.partition(".")[0] for name in names}
    assert found - set(sys.stdlib_module_names) - {"hpo"} <= set(LIBRARIES)


def test_syncing_again_adds_nothing(
    synced: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(synced)
    client = client_of(synced)
    run = study_run(client)
    assert sync([]) == 0
    assert "already complete" in capsys.readouterr().out
    client.delete_tag(run.info.run_id, "model.digest")  # as if a driver had been killed before the last step
    assert sync([]) == 0
    assert "1 of 3 runs" in capsys.readouterr().out
    assert len(client.search_logged_models([run.info.experiment_id])) == 1
    assert len(client.search_model_versions("name='docstrings'")) == 1
    assert study_run(client).data.tags["model.uri"] == run.data.tags["model.uri"]


def test_the_run_of_the_study_shows_the_evaluation(synced: Path) -> None:
    client = client_of(synced)
    run = study_run(client)
    shown = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "evaluation")}
    assert shown == {"README.md", "evaluation.json", "evaluation.html"}
    assert 0 < run.data.metrics["test_baseline_accuracy"] < 1
    assert "regression on bags of words" in run.data.tags["mlflow.note.content"]


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


def test_a_model_that_comes_back_otherwise_does_not_count(synced: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from hpo.files import hash_bytes
    from hpo.model.description import to_json

    other = Path(shutil.copytree(synced / "studies" / "tiny" / MODEL_FOLDER, tmp_path / "other"))
    weights = {name: tensor * 1.01 for name, tensor in load_file(other / "model.safetensors").items()}
    (other / "model.safetensors").unlink()
    save_file(weights, other / "model.safetensors")
    description = read_description(other)
    hashes = {**description.files, "model.safetensors": hash_bytes((other / "model.safetensors").read_bytes())}
    description = replace(description, files=hashes)
    (other / "model.json").write_text(json.dumps(to_json(description)))
    model_id = study_run(client_of(synced)).data.tags["model.uri"].removeprefix("models:/")
    with mlflow_at(f"sqlite:///{synced}/mlflow.db"):
        _compare(model_id, synced / "studies" / "tiny" / MODEL_FOLDER, description)
        with pytest.raises(Told, match="other probabilities"):
            _compare(model_id, other, description)


def test_a_damaged_folder_is_not_logged(kept_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(kept_study, tmp_path / "work"))
    weights = folder / "studies" / "tiny" / MODEL_FOLDER / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.unlink()
    weights.write_bytes(data)
    monkeypatch.chdir(folder)
    assert sync([]) == 2
    client = client_of(folder)
    run = study_run(client)
    assert "model.digest" not in run.data.tags
    assert client.search_logged_models([run.info.experiment_id]) == []
    assert client.search_registered_models() == []


def test_the_model_of_a_confirmed_study_is_the_confirmed_one(workdir: Path, kept_study: Path) -> None:
    report = run_study(
        *("study.name=tiny", "data.n_per_class=60", f"data.cache={kept_study}/cache", "executor=inline"),
        *("space.model.n_hid.choices=[16]", "train.epochs=2", "train.batch_size=16", "study.n_trials=1"),
        *("study.confirm.top_k=1", "study.confirm.n_seeds=2", "model.log=none", "tracking.flush_timeout_s=120"),
    )
    assert report.n_unmirrored == 0
    made = read_description(Path(report.study.folder) / MODEL_FOLDER).provenance
    assert made["study"] == "tiny-confirm"
    assert made["test"]["n_test"] == 54
    client = client_of(workdir)
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert [file.path for file in client.list_artifacts(runs["tiny"].info.run_id, "evaluation")]
    assert not client.search_logged_models([experiment.experiment_id])


@pytest.mark.slow
def test_all_models_are_logged_each_on_its_run(workdir: Path, kept_study: Path) -> None:
    all_of_it = ("study.test=false", "model.log=all", "tracking.flush_timeout_s=200")
    report = run_study(*TINY, f"data.cache={kept_study}/cache", *all_of_it)
    assert report.n_unmirrored == 0
    client = client_of(workdir)
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    runs = {run.info.run_id: run.data.tags for run in client.search_runs([experiment.experiment_id])}
    logged = client.search_logged_models([experiment.experiment_id])
    assert {model.source_run_id for model in logged} == set(runs)
    assert {tags["model.uri"] for tags in runs.values()} == {f"models:/{model.model_id}" for model in logged}
    assert {tags["model.champion"] for tags in runs.values()} == {"no: it was not tested"}
    assert sync([]) == 0
    assert len(client.search_logged_models([experiment.experiment_id])) == len(logged) == 3


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
