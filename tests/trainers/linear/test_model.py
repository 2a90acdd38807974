"""A linear model as a folder: what it answers is what its training measured, and nothing else passes for one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.model.answers import TextModel
from hpo.model.folder import Description, read_description, to_json
from hpo.trainers.linear.model import load_model
from tests.support.kept_models import trained_answers
from tests.support.studies import run_study


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a study of linear models has run."""
    folder = tmp_path_factory.mktemp("linear")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        words = ("trainer=linear", "space=linear", "data.n_per_class=60", "data.cache=cache", "tracking=none")
        first = "study.enqueue=[{params.words: 2, params.chars: 3, params.C: 10.0}]"
        report = run_study(*words, first, "study.name=lin", "study.n_trials=2", "executor=inline")
    assert [trial.state for trial in report.trials] == ["COMPLETE"] * 2
    assert report.study.test["test_baseline_accuracy"] > 0
    return folder


@pytest.fixture
def model(folder: Path, tmp_path: Path) -> Path:
    """A copy of its model's folder, alone."""
    return Path(shutil.copytree(folder / "studies" / "lin" / "model", tmp_path / "model"))


def rewrite(model: Path, description: Description) -> None:
    (model / "model.json").write_text(json.dumps(to_json(description)))


def test_it_answers_as_its_training_measured(folder: Path, model: Path) -> None:
    asked, trained = trained_answers(folder / "studies" / "lin", folder / "cache")
    answers = TextModel(model).answer(asked)
    found = np.array([answer.probabilities for answer in answers])
    np.testing.assert_allclose(found, trained, rtol=0, atol=1e-6)
    alone = TextModel(model).answer(asked[:1])[0].probabilities
    assert alone is not None
    np.testing.assert_array_equal(alone, found[0])


def test_its_folder_is_like_that_of_a_network(model: Path) -> None:
    assert read_description(model).kind == "linear"
    assert "A linear text classifier" in (model / "README.md").read_text()
    assert {"evaluation.html", "confusion.png", "model.safetensors"} <= {path.name for path in model.iterdir()}


def test_texts_without_an_answer_say_why(model: Path) -> None:
    empty, foreign, mixed = TextModel(model).answer(["", "鿿", "鿿 鿾 鿽 鿼 array"])
    assert (empty.probabilities, empty.note) == (None, "empty")
    assert (foreign.probabilities, foreign.note) == (None, "no known word")
    assert mixed.probabilities is not None
    assert "words unknown" in mixed.note


def test_an_unknown_kind_is_refused(model: Path) -> None:
    description = read_description(model)
    rewrite(model, replace(description, architecture={**description.architecture, "kind": "forest"}))
    with pytest.raises(ValueError, match="of the kind 'forest', which this version does not know"):
        TextModel(model)


@pytest.mark.parametrize("changed", [{"n_columns": 7}, {"words": 4}, {"chars": "many"}, {"n_classes": 2}])
def test_other_weights_than_described_are_refused(model: Path, changed: dict[str, object]) -> None:
    description = read_description(model)
    rewrite(model, replace(description, architecture={**description.architecture, **changed}))
    with pytest.raises(ValueError, match="copy"):
        TextModel(model)


def test_weights_that_are_gone_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="The weights of this trial are gone"):
        load_model(str(tmp_path))
