"""What a card may say, and the sentence for what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from hpo.trainers.replay.card import CardParam, CurveCard, read_card
from tests.support.curve_tables import CARD, TASKSET_CARD


def read(folder: Path, text: str) -> CurveCard:
    path = folder / "curves.yaml"
    path.write_text(text)
    return read_card(path)


def test_a_short_card_leaves_the_rest_to_the_table(tmp_path: Path) -> None:
    card = read(tmp_path, "params: {lr: {log: true}, size: }\nmetrics: {accuracy: acc}\ndirection: maximize")
    assert card.params == {"lr": CardParam(log=True), "size": CardParam()}
    assert (card.metrics, card.directions) == ({"accuracy": "acc"}, {"accuracy": "maximize"})
    assert (card.first, card.seconds, card.seed, card.matching, card.fidelity) == (0, None, None, "exact", "epochs")


def test_a_full_card_is_read_as_it_says(tmp_path: Path) -> None:
    card = read(
        tmp_path,
        """
        params: {lr: {type: float, low: 1e-3, high: 1.0}, kind: {choices: [a, b]}}
        metrics: {valid_loss: loss, train_loss: fit, accuracy: acc}
        test: {test_loss: test}
        direction: {valid_loss: minimize, accuracy: maximize}
        first: 1
        seconds: 2.5
        seed: rng
        matching: nearest
        fidelity: {name: checkpoints}
        """,
    )
    assert card.params["lr"] == CardParam("float", low=0.001, high=1.0)  # YAML takes 1e-3 for a text
    assert card.params["kind"] == CardParam("categorical", choices=("a", "b"))
    assert card.directions == {"valid_loss": "minimize", "accuracy": "maximize"}
    assert (card.first, card.seconds, card.seed, card.matching) == (1, 2.5, "rng", "nearest")
    assert card.fidelity == "checkpoints"


def test_the_card_of_the_pruner_experiment_is_one() -> None:
    assert read_card(TASKSET_CARD).first == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"metric": {}}, r"'metric', which is no key of it \(did you mean metrics\?\)"),
        ({"params": None}, "params is missing"),
        ({"params": {"rate": {"typ": "float"}}}, r"params.rate has 'typ'.*did you mean type"),
        ({"params": {"rate": {"type": "real"}}}, "params.rate.type='real' must be one of float, int, categorical"),
        ({"params": {"rate": {"low": 2, "high": 1}}}, "low=2 above high=1"),
        ({"params": {"rate": {"low": "x"}}}, "params.rate.low='x' must be a finite number"),
        ({"params": {"rate": {"log": "yes"}}}, "params.rate.log='yes' must be true or false"),
        ({"params": {"rate": {"type": "int", "choices": [1]}}}, "has choices but type int"),
        ({"params": {"rate": {"choices": [1], "log": True}}}, "has neither low, high nor log"),
        ({"params": {"rate": 3}}, "params.rate must be keys with values"),
        ({"metrics": {"": "loss"}}, "metrics has an empty name"),
        ({"metrics": {"train_loss": "loss"}}, "nothing to optimise"),
        ({"metrics": {"valid_loss": 3}}, "metrics.valid_loss=3 must be a name"),
        ({"test": {"accuracy": "x"}}, r"test has 'accuracy'.*did you mean test_accuracy"),
        ({"direction": "down"}, "direction='down' must be one of minimize, maximize"),
        ({"first": -1}, "first=-1 must be the index"),
        ({"first": True}, "first=True must be the index"),
        ({"seconds": -2}, "seconds=-2 must be a column or the seconds"),
        ({"seconds": [1]}, "must be a finite number"),
        ({"matching": "close"}, "matching='close' must be one of exact, nearest"),
        ({"fidelity": "epochs"}, "fidelity must be keys with values"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(tmp_path: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        read(tmp_path, yaml.safe_dump({**CARD, **change}))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_cards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="There is no card"):
        read_card(tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="is not YAML"):
        read(tmp_path, "params: [")
    with pytest.raises(ValueError, match="the card must be keys with values"):
        read(tmp_path, "- a")
    with pytest.raises(ValueError, match="cannot be read"):
        read_card(tmp_path)
