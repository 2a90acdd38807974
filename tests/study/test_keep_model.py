"""When a study keeps a model, which, and what a command that was cut short leaves of it."""

from __future__ import annotations

import shutil
import signal
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.artifacts.folders import MODEL_FOLDER
from hpo.commands.copy import main as copy
from hpo.config.schema import ModelLog
from hpo.contracts.trainer import OnEpoch, TrialRequest, TrialResult
from hpo.machine.signals import MustPause, StopRequest
from hpo.model.folder import read_description, write_model
from hpo.report.analysis.records import Baseline
from hpo.report.reading.record import read_experiment
from hpo.storage.options import SqliteConfig
from hpo.storage.record import open_record, read_study
from hpo.study.fingerprint import fingerprint
from hpo.trainers.awd_lstm.trainer import AwdLstm
from tests.support.studies import SYNTHETIC, TINY, compose_config, plan_study, run_study

PNG = b"\x89PNG\r\n"
FIGURES = {"calibration.png", "confusion.png"}
FILES = {"README.md", "evaluation.html", "evaluation.json", "model.json", "model.safetensors", *FIGURES}


def test_it_is_the_best_trials_with_its_test(kept_study: Path) -> None:
    config, _ = compose_config(f"storage.path={kept_study}/hpo.db")
    study, trials = read_study(open_record(config.storage), "tiny")
    best = study.best(trials)
    assert best is not None
    folder = kept_study / "studies" / "tiny" / MODEL_FOLDER
    assert {path.name for path in folder.iterdir()} == FILES
    made = read_description(folder).provenance
    assert (made["trial"], made["value"], made["params"]) == (best.number, best.value, dict(best.params))
    assert made["data_fingerprint"] == study.corpus["fingerprint"]
    assert made["test"] == {name: value for name, value in study.test.items() if name != "trial"}
    assert made["versions"].keys() >= {"hpo", "python", "torch", "fastai", "spacy"}
    card = (folder / "README.md").read_text()
    assert all(name in card for name in ("SQLAlchemy", "test\\_accuracy", "data\\_fingerprint", "train.lr"))
    assert all(f"]({name})" in card and (folder / name).read_bytes().startswith(PNG) for name in FIGURES)


def test_a_report_finds_its_baseline_in_the_record_and_in_a_copy_of_it(kept_study: Path, workdir: Path) -> None:
    shutil.copy(kept_study / "hpo.db", workdir / "hpo.db")
    shutil.copytree(kept_study / "studies", workdir / "studies")
    assert copy(["from=hpo.db", "to=other.db", "to.folder=elsewhere"]) == 0
    shutil.rmtree(workdir / "studies")
    for path in ("hpo.db", "other.db"):
        storage = open_record(SqliteConfig(folder="studies", path=path))
        stored, _ = read_study(storage, "tiny")
        [read] = read_experiment(storage, stored.experiment).studies
        assert read.baseline == Baseline(stored.corpus["baseline_accuracy"], stored.test["test_baseline_accuracy"])
        assert read.baseline.test is not None


def test_a_study_that_has_ended_leaves_its_model_alone_and_a_longer_one_replaces_it(
    kept_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(kept_study, tmp_path / "work"))
    model = folder / "studies" / "tiny" / MODEL_FOLDER
    before = model.stat().st_ino
    monkeypatch.chdir(folder)
    again = (*TINY, f"data.cache={kept_study}/cache", "tracking=none", "model.log=best")
    run_study(*again)
    assert model.stat().st_ino == before
    shutil.rmtree(model)
    report = run_study(*again, "study.n_trials=3")
    best = report.study.best(report.trials)
    made = read_description(model).provenance
    assert best is not None
    assert made["trial"] == best.number
    assert (model / "evaluation.json").is_file()


def test_a_model_that_lacks_a_file_is_made_whole(
    kept_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(kept_study, tmp_path / "work"))
    model = folder / "studies" / "tiny" / MODEL_FOLDER
    monkeypatch.chdir(folder)
    for name in FILES - {"model.json"}:
        (model / name).unlink()
        run_study(*TINY, f"data.cache={kept_study}/cache", "tracking=none", "model.log=best")
        assert {path.name for path in model.iterdir()} == FILES


def test_an_interrupted_confirmation_leaves_the_model_that_was_tested(
    kept_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(kept_study, tmp_path / "work"))
    model = folder / "studies" / "tiny" / MODEL_FOLDER
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    monkeypatch.chdir(folder)
    stop, train = StopRequest(), AwdLstm.train

    def interrupted(self: AwdLstm, request: TrialRequest, on_epoch: OnEpoch, must_pause: MustPause) -> TrialResult:
        result = train(self, request, on_epoch, must_pause)
        stop.signal = signal.SIGINT  # once the first of three retrainings is done
        return result

    monkeypatch.setattr("hpo.study.session.stop_on_signals", lambda: nullcontext(stop))
    monkeypatch.setattr(AwdLstm, "train", interrupted)
    given = (*TINY, f"data.cache={kept_study}/cache", "tracking=none", "executor=inline")
    report = run_study(*given, "study.confirm.top_k=1", "study.confirm.n_seeds=3")
    _, retrained = read_study(open_record(SqliteConfig(folder="studies", path="hpo.db")), "tiny-confirm")
    assert [trial.state for trial in retrained] == ["COMPLETE"]
    assert report.signal == signal.SIGINT
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before


def test_trials_that_train_no_network_leave_no_model(workdir: Path) -> None:
    report = run_study(*SYNTHETIC, "study.n_trials=2")
    assert not (Path(report.study.folder) / MODEL_FOLDER).exists()


def test_what_mlflow_gets_decides_nothing_else() -> None:
    planned = plan_study()
    other = replace(planned.config, model=replace(planned.config.model, log=ModelLog.none))
    found = fingerprint(planned.config, planned.space, "", n_workers=1)
    assert fingerprint(other, planned.space, "", n_workers=1) == found
    assert "model.log" not in found


def test_a_model_being_replaced_is_put_back(kept_study: Path, tmp_path: Path) -> None:
    source = kept_study / "studies" / "tiny" / MODEL_FOLDER
    description = read_description(source)
    folder = tmp_path / MODEL_FOLDER
    files = {name: source / name for name in description.files}
    (tmp_path / ".model.half").mkdir()
    shutil.copytree(source, tmp_path / ".model.xyz.old")  # killed between the two renamings
    with pytest.raises(FileNotFoundError):
        write_model(folder, description, {"model.safetensors": tmp_path / "nobody"}, {})
    assert [path.name for path in tmp_path.iterdir()] == [MODEL_FOLDER]
    assert read_description(folder) == description
    write_model(folder, description, files, {"README.md": b"a card"})
    assert [path.name for path in tmp_path.iterdir()] == [MODEL_FOLDER]
    assert (folder / "README.md").read_text() == "a card"
