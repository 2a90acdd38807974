"""A study's model in MLflow: logged from code, equal to the folder, champion of its experiment, read by MLflow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from hpo.artifacts.folders import MODEL_FOLDER
from hpo.commands.sync import main as sync
from hpo.model.answers import TextModel
from hpo.model.code import LIBRARIES, needed_files
from hpo.model.folder import read_description
from hpo.tracking.client import prepare_import
from hpo.tracking.errors import Told
from hpo.tracking.model_process import ModelProcess
from hpo.tracking.registered_models import ModelJob, _compare
from hpo.tracking.writer import Writer
from tests.support.kept_models import client_of, mlflow_at, study_run, trained_answers
from tests.support.studies import TINY, run_study

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow
prepare_import()


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


def test_answers_keep_the_index_and_what_is_missing_is_no_word(synced: Path) -> None:
    import mlflow

    text = "Compute the eigenvalues of an array."
    asked = pd.DataFrame({"text": [text, None, float("nan"), pd.NA, text]}, index=[7, 3, 5, 1, 9], dtype=object)
    with mlflow_at(f"sqlite:///{synced}/mlflow.db"):
        table = mlflow.pyfunc.load_model("models:/docstrings@champion").predict(asked)
    assert list(table.index) == [7, 3, 5, 1, 9]
    assert list(table["note"]) == ["", "empty", "empty", "empty", ""]
    assert list(table["label"].isna()) == [False, True, True, True, False]


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
    assert {path.suffix for path in files} <= {
        ".py",
        ".json",
        ".md",
        ".html",
        ".png",
        ".safetensors",
        ".txt",
        ".yaml",
        "",
    }
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
    assert shown == {"README.md", "evaluation.json", "evaluation.html", "confusion.png", "calibration.png"}
    table = client.download_artifacts(run.info.run_id, "test.json")
    rows = {row[0]: row[1:] for row in json.loads(Path(table).read_text())["data"]}
    assert all(0 < value < 1 for value in rows["accuracy"])  # of the network, and of the linear model
    assert "A linear model of the words has" in run.data.tags["mlflow.note.content"]


def test_a_model_that_comes_back_otherwise_does_not_count(synced: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    from hpo.machine.files import hash_bytes
    from hpo.model.folder import to_json

    other = Path(shutil.copytree(synced / "studies" / "tiny" / MODEL_FOLDER, tmp_path / "other"))
    weights = {
        name: tensor * 1.01 if tensor.is_floating_point() else tensor
        for name, tensor in load_file(other / "model.safetensors").items()
    }
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
def test_all_models_are_logged_each_on_its_run(
    workdir: Path, kept_study: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    all_of_it = ("study.test=false", "model.log=all", "tracking.flush_timeout_s=200")
    report = run_study(*TINY, f"data.cache={kept_study}/cache", *all_of_it)
    assert report.n_unmirrored == 0
    assert "Warning" not in capfd.readouterr().err  # MLflow's, in the process that logs
    client = client_of(workdir)
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    runs = {run.info.run_id: run.data.tags for run in client.search_runs([experiment.experiment_id])}
    logged = client.search_logged_models([experiment.experiment_id])
    assert {model.source_run_id for model in logged} == set(runs)
    assert {tags["model.uri"] for tags in runs.values()} == {f"models:/{model.model_id}" for model in logged}
    assert {tags["model.champion"] for tags in runs.values()} == {"no: it was not tested"}
    assert sync([]) == 0
    assert len(client.search_logged_models([experiment.experiment_id])) == len(logged) == 3


def test_a_process_that_died_before_there_was_a_model_is_begun_again(tmp_path: Path) -> None:
    writer = Writer(f"sqlite:///{tmp_path}/mlflow.db", {})
    writer.expect_model()
    first = writer._models
    assert first is not None
    first._process.kill()
    first._process.join()
    with pytest.raises(Told, match="died"):
        list(first.log([ModelJob(tmp_path, "run", "0")]))
    writer.expect_model()
    assert writer._models is not first
    writer.close()
    assert writer._models is None
    assert not (tmp_path / "mlflow.db").exists(), "nothing is written before there is a model"


def test_it_goes_on_after_a_model_that_cannot_be_logged(tmp_path: Path) -> None:
    process = ModelProcess(f"sqlite:///{tmp_path}/mlflow.db")
    for _ in range(2):
        with pytest.raises(Told):
            list(process.log([ModelJob(tmp_path / "none", "run", "0")]))
        assert process.is_alive
    process.close()
    assert not process.is_alive
