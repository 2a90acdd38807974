"""Models that somebody made: folders whose hashes are right and whose content is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from hpo.commands.predict import main
from hpo.data.vocabulary import FAKE
from hpo.machine.files import hash_bytes
from hpo.model.answers import TextModel
from hpo.model.folder import DIGEST, _digest
from hpo.trainers.awd_lstm.network.classifier import Architecture, build_classifier
from hpo.trainers.awd_lstm.network.weights import count_params, named_tensors, pack

VOCAB = [*(f"xx{i}" for i in range(9)), "good", "bad", "film"]
SIZES = {"n_vocab": 12, "n_classes": 2, "emb_sz": 4, "n_hid": 5, "n_layers": 1, "drop_mult": 0.5, "bptt": 8}
SIZES |= {"max_len": 40, "bidir": False}
ODD = [None, True, -1, float("nan"), 10**30, "\ud800", [[]]]


def content() -> dict[str, Any]:
    return {
        "format": 1,
        "architecture": dict(SIZES),
        "n_params": 1,
        "vocab": list(VOCAB),
        "classes": ["neg", "pos"],
        "tokenizer": {"name": "words", "max_tokens": None, "keep": "head", "versions": {}},
        "provenance": {
            **dict.fromkeys(("study", "study_uid", "experiment", "metric", "data_fingerprint", "direction"), "x"),
            "params": {},
            "test": {"test_loss": 0.1},
            "versions": {"hpo": "1"},
            "trial": 0,
        },
        "files": {},
        "is_logged": True,
    }


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    model = build_classifier(Architecture(**SIZES))
    assert count_params(model)
    return named_tensors(model)


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, tensors: dict[str, Tensor]) -> Write:
    def write(described: dict[str, Any], weights: bytes | None = None) -> Path:
        data = pack(tensors) if weights is None else weights
        if isinstance(described.get("files"), dict):
            described["files"] = {"model.safetensors": hash_bytes(data), **described["files"]}
        (tmp_path / "model.safetensors").write_bytes(data)
        (tmp_path / "model.json").write_text(json.dumps({**described, DIGEST: _digest(described)}))
        return tmp_path

    return write


def test_one_that_is_whole_answers(write: Write) -> None:
    (answer,) = TextModel(write(content())).answer(["good film"])
    assert answer.probabilities is not None


def test_a_vocabulary_that_is_filled_up_with_several_fakes_answers_as_before(write: Write) -> None:
    """To a multiple of eight, as where there are few words; another word that stands twice is a fault."""
    (known,) = TextModel(write(content())).answer(["good film"])
    filled = {**content(), "vocab": [*VOCAB[:3], *[FAKE] * 6, *VOCAB[9:]]}
    (answer,) = TextModel(write(filled)).answer(["good film"])
    assert answer.probabilities is not None
    assert known.probabilities is not None
    assert answer.probabilities.tolist() == known.probabilities.tolist()
    with pytest.raises(ValueError, match=r"vocab is not as it must be"):
        TextModel(write({**content(), "vocab": [*VOCAB[:-1], "good"]}))


def places(node: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = (
        list(node.items()) if isinstance(node, dict) else list(enumerate(node))[:1] if isinstance(node, list) else []
    )
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


@pytest.mark.parametrize("place", [p for p in places(content()) if p and p != ("format",)], ids=str)
def test_a_description_that_was_made_up_is_told_in_a_sentence_or_answers(write: Write, place: tuple[Any, ...]) -> None:
    for value in [*ODD, "absent"]:
        crafted = deepcopy(content())
        node: Any = crafted
        for key in place[:-1]:
            node = node[key]
        if value == "absent":
            del node[place[-1]]
        else:
            node[place[-1]] = value
        said = asked(write(crafted))
        assert said in ("answered", "refused"), said


def asked(folder: Path) -> str:
    try:
        answers = TextModel(folder).answer(["good film", "bad"])
    except ValueError as error:
        is_told = str(folder) in str(error) or "network of other sizes" in str(error)
        return "refused" if is_told else str(error)
    sums = [answer.probabilities.sum() for answer in answers if answer.probabilities is not None]
    return "answered" if all(abs(one - 1) < 1e-9 for one in sums) else str(sums)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(
    write: Write, tensors: dict[str, Tensor], number: float, capsys: pytest.CaptureFixture[str]
) -> None:
    spoilt = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    spoilt[next(iter(spoilt))].view(-1)[0] = number
    folder = write(content(), pack(spoilt))
    assert main([f"model={folder}", "good film"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"hpo: {folder}/model.safetensors holds weights that are no finite numbers; train the trial again.\n"
    )


@pytest.mark.parametrize("data", [b"", b"\x00" * 8, b"\xff" * 64, b"no weights at all"])
def test_bytes_that_are_no_weights_are_refused(write: Write, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(content(), data)
    assert main([f"model={folder}", "good film"]) == 2
    assert f"hpo: {folder}/model.safetensors is no file of weights" in capsys.readouterr().err


def test_weights_of_another_shape_or_kind_are_refused(write: Write, tensors: dict[str, Tensor]) -> None:
    halves = pack({name: tensor.to(torch.float16) for name, tensor in tensors.items()})
    for data in (halves, pack({name: tensor[..., None] for name, tensor in tensors.items()}), pack({})):
        with pytest.raises(ValueError, match="belong to a network of other sizes"):
            TextModel(write(content(), data))


def test_answers_are_given_to_what_has_one_and_formulas_are_marked(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(content())
    assert main([f"model={folder}", "format=csv", "good film", "", "=good bad"]) == 0
    said = capsys.readouterr()
    first, second, third = [line.split(",") for line in said.out.splitlines()[1:]]
    assert first[1] in ("neg", "pos")
    assert second[1:4] == ["", "", "empty"]
    assert third[-1] == "'=good bad"
    assert said.err == "hpo: 1 of 3 texts have no answer; each says why.\n"
    assert main([f"model={folder}", "", " "]) == 2
    assert capsys.readouterr() == ("", "hpo: A text has no answer: empty.\n")
