"""The ladder climbed on real texts: what it keeps answers, and a step that fails is left behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from hpo.best import running
from hpo.best.ensemble import Choice
from hpo.commands.best import main
from hpo.model.answers import TextModel
from hpo.model.ensemble import keep_ensemble
from hpo.model.folder import read_description, to_json
from hpo.trainers.awd_lstm.trainer import AwdLstm

pytestmark = pytest.mark.slow

TEXTS = ["Compute the eigenvalues of an array.", "Plot a figure with two axes", ""]
WORDS = ("data.n_per_class=60", "data.cache=cache", "tracking=none", "executor=inline", "name=lib")


def climb(*words: str) -> int:
    return main([*WORDS, *words])


def refuse_to_train(*_: object) -> NoReturn:
    raise RuntimeError("no network today")


@pytest.fixture(scope="module")
def climbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the ladder was climbed: a linear search, and networks that cannot be trained."""
    folder = tmp_path_factory.mktemp("best")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(AwdLstm, "train", refuse_to_train)
        assert climb("trials=2", "steps=[linear,awd_lstm]") == 0
    return folder


def summary(folder: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((folder / "studies/lib/best.json").read_text())
    return content


def test_it_ends_with_the_best_on_valid_and_never_less_than_the_baseline(climbed: Path) -> None:
    steps = {row["step"]: row for row in summary(climbed)["steps"]}  # type: ignore[attr-defined]
    assert list(steps) == ["baseline", "linear", "awd_lstm", "domain", "ensemble"]
    best = steps[str(summary(climbed)["best"])]
    assert best["valid"] >= steps["baseline"]["valid"]
    assert best["test"] is not None
    answers = TextModel(climbed / "studies/lib/model").answer(TEXTS)
    assert [answer.probabilities is None for answer in answers] == [False, False, True]


def test_a_step_that_fails_is_left_behind(climbed: Path) -> None:
    steps = {row["step"]: row for row in summary(climbed)["steps"]}  # type: ignore[attr-defined]
    assert "no network today" in steps["awd_lstm"]["reason"]
    assert steps["awd_lstm"]["valid"] is None
    assert steps["domain"]["reason"] == "not asked for (steps=…)"


def test_the_same_command_again_says_the_same(climbed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(climbed)
    monkeypatch.setattr(AwdLstm, "train", refuse_to_train)
    before = summary(climbed)
    assert climb("trials=2", "steps=[linear,awd_lstm]") == 0
    after = summary(climbed)
    assert {**before, "clocks": None} == {**after, "clocks": None}


def test_an_ensemble_that_pays_takes_the_place_of_the_best_model(
    climbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(climbed, tmp_path / "work"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(AwdLstm, "train", refuse_to_train)
    monkeypatch.setattr(running, "choose_ensemble", lambda *_, **__: Choice((0.5, 1.0), gain=0.1, noise=0.05))
    assert climb("trials=2", "steps=[linear,awd_lstm]", f"data.cache={climbed}/cache") == 0
    found = summary(folder)
    row = found["steps"][-1]  # type: ignore[index]
    assert found["best"] == row["step"] == "ensemble"
    assert row["test"] is not None
    made = read_description(folder / "studies/lib/model").provenance
    assert made["test"]["test_accuracy"] == row["test"]
    assert TextModel(folder / "studies/lib/model").answer(TEXTS)[0].probabilities is not None


@pytest.fixture
def ensemble(climbed: Path, tmp_path: Path) -> Path:
    members = [climbed / "studies" / f"lib-{step}" / "model" for step in ("baseline", "linear")]
    keep_ensemble(tmp_path / "model", members, [0.5, 1.5], study="lib", test={"test_accuracy": 0.5})
    return Path(tmp_path / "model")


def test_an_ensemble_is_one_folder_that_answers(climbed: Path, ensemble: Path, tmp_path: Path) -> None:
    moved = Path(shutil.move(ensemble, tmp_path / "elsewhere"))
    one, other = (
        TextModel(climbed / "studies" / f"lib-{step}" / "model").answer(TEXTS) for step in ("baseline", "linear")
    )
    together = TextModel(moved).answer(TEXTS)
    for first, second, both in zip(one[:2], other[:2], together[:2], strict=True):
        assert first.probabilities is not None
        assert second.probabilities is not None
        mixed = first.probabilities**0.5 * second.probabilities**1.5
        np.testing.assert_allclose(both.probabilities, mixed / mixed.sum(), atol=1e-12)
    assert together[2].note == "empty"
    assert "An ensemble of text classifiers" in (moved / "README.md").read_text()


def test_a_damaged_ensemble_is_refused(ensemble: Path) -> None:
    weights = ensemble / "members/1/model.safetensors"
    data = weights.read_bytes()
    weights.unlink()
    weights.write_bytes(data[:-1] + b"?")
    with pytest.raises(ValueError, match="not as it was written"):
        TextModel(ensemble)


@pytest.mark.parametrize("weights", [None, [], [-1.0, 2.0], ["a", "b"]])
def test_an_ensemble_without_weights_is_refused(ensemble: Path, weights: object) -> None:
    description = read_description(ensemble)
    content = {**to_json(description), "architecture": {"kind": "ensemble", "weights": weights}}
    del content["format"], content["digest"]
    changed = type(description)(**{**content, "tokenizer": description.tokenizer})  # type: ignore[arg-type]
    (ensemble / "model.json").write_text(json.dumps(to_json(changed)))
    with pytest.raises(ValueError, match="an ensemble without weights"):
        TextModel(ensemble)
