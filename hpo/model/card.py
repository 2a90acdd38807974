"""The model card: Markdown that says what a model is, what it was made from, and how good it is.

Everything in it comes from the description and the record; nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Mapping

from hpo.machine.escaping import for_markdown
from hpo.model.description import Description
from hpo.model.folder import CALIBRATION, CONFUSION, EVALUATION, PAGE

ENSEMBLE = "It is two classifiers, one of which reads each text backwards; their probabilities are averaged."
READ_TEST = "Its encoder was trained on the test texts, too, without their labels (`encoder.use_all_texts=true`)."
TEST_ORDER = ("test_accuracy", "test_macro_f1", "test_loss", "n_test")


def model_card(description: Description, *, has_read_test: bool = False) -> str:
    """Returns the card of a model; `has_read_test`: its encoder was trained on the test texts, without labels."""
    made, architecture = description.provenance, description.architecture
    title = for_markdown(str(made["study"]))
    lines = [
        f"# {title}",
        "",
        f"An AWD-LSTM text classifier of {len(description.classes)} classes, trained by hpo {made['versions']['hpo']}.",
        *(["", ENSEMBLE] if architecture["bidir"] else []),
        "",
        "## Use",
        "",
        '    python -m hpo.predict model=THIS_FOLDER "some text" texts.csv',
        "",
        "Weights and words are in `model.safetensors` and `model.json`; nothing here is a pickle.",
        "",
        "## Classes",
        "",
        ", ".join(for_markdown(name) for name in description.classes),
        "",
        "## Test",
        "",
        *_test_lines(made.get("test") or {}),
        *([READ_TEST, ""] if has_read_test else []),
        *(_figure_lines() if EVALUATION in description.files else []),
        "## Where it comes from",
        "",
        "| | |",
        "|---|---|",
        *(_row(key, made[key]) for key in ("study", "trial", "metric", "value", "seed", "data", "data_fingerprint")),
        *(_row(path, value) for path, value in sorted(made["params"].items())),
        "",
        "## Network and words",
        "",
        "| | |",
        "|---|---|",
        *(_row(key, value) for key, value in sorted(architecture.items())),
        _row("trainable weights", f"{description.n_params:,}"),
        _row("tokenizer", description.tokenizer.name),
        _row("tokens kept of a text", description.tokenizer.max_tokens or "all"),
        *(_row(f"version of {name}", version) for name, version in sorted(made["versions"].items())),
        "",
        "## Limits",
        "",
        "It knows the classes above and no others, and the words of its training texts alone: it gives each text one "
        "of them, whatever the text is about. Probabilities are those of the network; the evaluation shows how well "
        "they are calibrated. A text without a known word gets no answer.",
        "",
    ]
    return "\n".join(lines)


def _test_lines(test: Mapping[str, float]) -> list[str]:
    if not test:
        return ["It was not tested.", ""]
    named = [name for name in TEST_ORDER if name in test]
    rows = [_row(name, f"{test[name]:.6g}") for name in [*named, *sorted(set(test) - set(named))]]
    return ["| | |", "|---|---|", *rows, ""]


def _figure_lines() -> list[str]:
    named = {"Confusion matrix": CONFUSION, "Calibration": CALIBRATION}
    shown = [line for title, name in named.items() for line in (f"![{title}]({name})", "")]
    return [*shown, f"Classes, baseline and the most confident mistakes: [{PAGE}]({PAGE}).", ""]


def _row(name: str, value: object) -> str:
    return f"| {for_markdown(name)} | {for_markdown(str(value))} |"
