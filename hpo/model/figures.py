"""The figures of a model's evaluation as PNG, for READMEs and MLflow: the confusion matrix and the calibration curve.

Drawn as a report's figures are; the page beside them, with every number and text, is `documents`' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.figures.matplotlib import draw_png
from hpo.figures.palette import build_styles
from hpo.model.folder import CALIBRATION, CONFUSION
from hpo.statistics.proportion import Share

MAX_CLASSES, MAX_COUNTED, MAX_SHARED = 24, 16, 4  # drawn; with counts in their cells; with shares beside them
MODEL = "model"


def draw_evaluation(evaluation: Mapping[str, Any]) -> dict[str, bytes]:
    """Returns the figures by file name.

    Args:
        evaluation: What `hpo.trainers.evaluation.evaluate` found.
    """
    figures = {CONFUSION: _confusion(evaluation), CALIBRATION: _calibration(evaluation)}
    styles = build_styles([MODEL])
    return {name: draw_png(figure, styles) for name, figure in figures.items()}


def _confusion(evaluation: Mapping[str, Any]) -> Figure:
    """Returns the share of each true class by what the model said, for the classes with the most texts."""
    counts, names = evaluation["confusion"], [str(name) for name in evaluation["classes"]]
    largest = sorted(range(len(names)), key=lambda row: -sum(counts[row]))[:MAX_CLASSES]
    drawn = sorted(largest)
    cells = [(row, column, counts[row][column], sum(counts[row])) for row in drawn for column in drawn]
    series = Series(
        MODEL,
        "shade",
        [names[column] for _, column, _, _ in cells],
        [names[row] for row, _, _, _ in cells],
        z=[count / of if of else 0.0 for _, _, count, of in cells],
        text=[_cell(count, of, n_classes=len(drawn)) for _, _, count, of in cells],
        in_legend=False,
    )
    categories = [names[row] for row in drawn]
    of = "" if len(drawn) == len(names) else f", the {len(drawn)} of {len(names)} with the most texts"
    numbers = "texts in the cells" if len(drawn) <= MAX_COUNTED else "no numbers, see evaluation.html"
    axes = (
        Axis("class that the model said", categories=categories),
        Axis(f"true class{of} ({numbers}; colour: share of the row)", categories=categories),
    )
    caption = "A row for each true class, a column for what the model said."
    return Figure("confusion", "Confusion matrix", caption, [View("", *axes, [series])])


def _cell(count: int, of: int, *, n_classes: int) -> str:
    share = f" ({count / of:.1%})" if n_classes <= MAX_SHARED and of else ""
    return f"{count:,}{share}" if n_classes <= MAX_COUNTED else ""


def _calibration(evaluation: Mapping[str, Any]) -> Figure:
    bins = evaluation["calibration"]
    confidences, accuracies = [tenth["confidence"] for tenth in bins], [tenth["accuracy"] for tenth in bins]
    intervals = [Share(round(tenth["accuracy"] * tenth["n"]), tenth["n"]).interval for tenth in bins]
    low, high = [low for low, _ in intervals], [high for _, high in intervals]
    curve = Series(MODEL, "line", confidences, accuracies, MODEL, in_legend=False)
    whiskers = Series(MODEL, "whisker", confidences, accuracies, MODEL, low=low, high=high, in_legend=False)
    error = f"expected calibration error {evaluation['calibration_error']:.4f}"
    axes = (
        Axis("confidence, mean of each tenth; on the dashed line it is as high as it should be"),
        Axis(f"share of right answers, exact 95 % intervals ({error})"),
    )
    caption = "On the dashed line the model is as sure as it should be."
    view = View("", *axes, [curve, whiskers], [("diagonal", 0.0, "")])
    return Figure("calibration", "Calibration", caption, [view])
