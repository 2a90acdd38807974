"""Which values of a metric are better."""

from __future__ import annotations

import json

from hpo.config.metric import Direction, Metric


def test_each_metric_has_a_direction_with_sign_and_word() -> None:
    directions = {metric.name: (metric.direction.sign, metric.direction.better) for metric in Metric}
    assert directions == {"accuracy": (-1, "higher"), "macro_f1": (-1, "higher"), "valid_loss": (1, "lower")}


def test_a_direction_is_its_word_in_records_and_sentences() -> None:
    assert json.dumps(Direction.minimize) == '"minimize"'
    assert f"{Direction.maximize} accuracy" == "maximize accuracy"
