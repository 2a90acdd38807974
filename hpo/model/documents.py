"""What people read of a model: its card, in Markdown, and the page on its evaluation, in HTML that needs no network.

Everything in them comes from the description, the record and `evaluation.json`, all text from outside escaped;
nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.config.metric import OTHERS
from hpo.figures.style import page_style
from hpo.machine.escaping import for_html, for_markdown
from hpo.model.folder import EVALUATION, Description

if TYPE_CHECKING:
    from jinja2 import Environment

SCORES = {
    "accuracy": "accuracy",
    "macro-F1": "macro_f1",
    "F1 of the named class": "f1",
    "balanced accuracy": "balanced_accuracy",
    "ROC AUC": "roc_auc",
    "average precision": "average_precision",
    "Matthews correlation": "mcc",
    "loss": "loss",
}
TEST_ORDER = (*(f"test_{key}" for key in SCORES.values()), "n_test")
WHAT = {
    "awd_lstm": "An AWD-LSTM text classifier",
    "linear": "A linear text classifier (n-grams)",
    "ensemble": "An ensemble of text classifiers",
}
N_OPEN = 5  # mistakes, and texts that were shown, that are not folded away
SIZE = 260  # pixels of the calibration curve's side


def model_card(description: Description, *, has_read_test: bool = False) -> str:
    """Returns the card of a model; `has_read_test`: its encoder was trained on the test texts, without labels."""
    made = description.provenance
    test: Mapping[str, float] = made.get("test") or {}
    card = (
        _environment()
        .get_template("card.md.j2")
        .render(
            model=description,
            what=WHAT.get(description.kind, "A text classifier"),
            made=made,
            test=[(name, test[name]) for name in dict.fromkeys([*TEST_ORDER, *sorted(test)]) if name in test],
            has_read_test=has_read_test,
            is_evaluated=EVALUATION in description.files,
        )
    )
    return f"{card}\n"


def evaluation_page(evaluation: Mapping[str, Any], test: Mapping[str, float], *, title: str) -> str:
    """Returns the page.

    Args:
        evaluation: What `hpo.trainers.evaluation.evaluate` found.
        test: The test metrics.
        title: What the page is about.
    """
    baseline = evaluation.get("baseline") or {}
    points = [(at["confidence"] * SIZE, SIZE - at["accuracy"] * SIZE) for at in evaluation["calibration"]]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            e=evaluation,
            title=for_html(title),
            n_test=int(test.get("n_test", sum(map(sum, evaluation["confusion"])))),
            scores=[
                (name, _number(test.get(f"test_{key}")), _number(baseline.get(key)))
                for name, key in SCORES.items()
                if key not in OTHERS or f"test_{key}" in test
            ],
            curve=" ".join(f"{x:.1f},{y:.1f}" for x, y in points),
            size=SIZE,
            css=page_style(),
            n_open=N_OPEN,
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(
        autoescape=lambda name: name != "card.md.j2",
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
    )
    environment.filters |= {"html": for_html, "markdown": lambda value: for_markdown(str(value)), "number": _number}
    return environment


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
