"""Which values of a metric are better."""

from __future__ import annotations

import json

import pytest

from hpo.config.metric import KNOWN, Direction, direction_of


def test_each_metric_has_a_direction_with_sign_and_word() -> None:
    directions = {name: (direction.sign, direction.better) for name, direction in KNOWN.items()}
    assert directions.pop("valid_loss") == (1, "lower")
    assert len(directions) > 6
    assert set(directions.values()) == {(-1, "higher")}


def test_a_direction_is_its_word_in_records_and_sentences() -> None:
    assert json.dumps(Direction.minimize) == '"minimize"'
    assert f"{Direction.maximize} accuracy" == "maximize accuracy"


def test_a_metric_of_somebody_else_needs_a_direction() -> None:
    assert direction_of("auc", Direction.maximize) is Direction.maximize
    assert direction_of("valid_loss", None) is Direction.minimize
    with pytest.raises(
        ValueError,
        match=r"Nothing is known of study\.metric=auc \(did you mean roc_auc\?\); give study\.direction=maximize or",
    ):
        direction_of("auc", None)
