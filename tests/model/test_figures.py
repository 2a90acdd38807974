"""The pictures of an evaluation: every text counted, unsure shares shown as unsure, legible with many classes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from hpo.figures.geometry import check_figure
from hpo.model.figures import MAX_CLASSES, _calibration, _confusion, draw_evaluation

BINS = [
    {"low": 0.3, "high": 0.4, "n": 1, "confidence": 0.35, "accuracy": 1.0},
    {"low": 0.9, "high": 1.0, "n": 200, "confidence": 0.97, "accuracy": 0.9},
]


def evaluation(confusion: Any, classes: list[str] | None = None) -> dict[str, Any]:
    names = classes or [f"class {number}" for number in range(len(confusion))]
    return {"classes": names, "confusion": confusion, "calibration": BINS, "calibration_error": 0.0725}


def test_rows_are_true_classes_and_shades_their_shares() -> None:
    figure = _confusion(evaluation([[9, 1], [1500, 4500]], ["neg", "pos"]))
    [view] = figure.views
    [shades] = view.series
    cells = dict(zip(zip(shades.y, shades.x, strict=True), zip(shades.text, shades.z, strict=True), strict=True))
    assert cells["neg", "pos"] == ("1 (10.0%)", 0.1)
    assert cells["pos", "neg"] == ("1,500 (25.0%)", 0.25)
    assert list(view.y.categories) == list(view.x.categories) == ["neg", "pos"]


def test_of_many_classes_those_with_the_most_texts_are_drawn_without_numbers() -> None:
    n_classes = MAX_CLASSES + 10
    confusion = (np.eye(n_classes, dtype=int) * np.arange(n_classes)[:, None]).tolist()
    [view] = _confusion(evaluation(confusion)).views
    assert list(view.y.categories) == [f"class {number}" for number in range(10, n_classes)]
    assert f"{MAX_CLASSES} of {n_classes}" in view.y.title
    assert set(view.series[0].text) == {""}


def test_a_class_without_a_text_is_no_obstacle() -> None:
    [shades] = _confusion(evaluation([[0, 0, 0, 0, 0], *([1] * 5 for _ in range(4))])).views[0].series
    assert list(shades.z[:5]) == [0.0] * 5


def test_a_share_of_few_texts_is_shown_as_unsure() -> None:
    curve, whiskers = _calibration(evaluation([[1, 0], [0, 1]])).views[0].series
    assert (curve.x, curve.y) == ([0.35, 0.97], [1.0, 0.9])
    assert whiskers.low[0] == pytest.approx(0.025)  # one of one: Clopper and Pearson's is from alpha/2 to 1
    assert whiskers.high[0] == 1.0
    assert 0.84 < whiskers.low[1] < 0.9 < whiskers.high[1] < 0.95  # type: ignore[operator]


def test_they_are_pngs_and_the_same_bytes_each_time() -> None:
    found = evaluation([[9, 1], [1, 9]], ["$x$ <b>", "名前"])
    for figure in (_confusion(found), _calibration(found)):
        check_figure(figure)
    drawn = draw_evaluation(found)
    assert set(drawn) == {"confusion.png", "calibration.png"}
    assert all(content.startswith(b"\x89PNG\r\n") for content in drawn.values())
    assert draw_evaluation(found) == drawn


def test_matplotlib_is_not_imported_before_something_is_drawn() -> None:
    code = "import sys, hpo.model.figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
