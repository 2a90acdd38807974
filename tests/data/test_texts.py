"""What every source must hold, and the order of classes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.config.schema import Labels
from hpo.data.texts import Texts, check_texts
from tests.support.data_sources import SETTINGS


def texts(*rows: tuple[str, str]) -> Texts:
    return Texts([text for _, text in rows], [label for label, _ in rows], [f"line {i + 2}" for i in range(len(rows))])


def test_good_texts_pass_unchanged() -> None:
    good = texts(*((label, f"{label}{i}") for i in range(5) for label in "ab"))
    assert check_texts(good, SETTINGS, source="s") == good


def test_labels_become_names_and_rows_without_one_are_left_out_if_asked() -> None:
    labels = [" Spam", "spam", "ham", "spam", "ham", None, "ham", "spam", "HAM", "ham", "spam"]
    found = Texts([f"t{i}" for i in range(11)], labels, [f"row {i}" for i in range(11)], given=["train"] * 11)
    clean = check_texts(found, replace(SETTINGS, labels=Labels.clean), source="data.path=x")
    assert clean.labels == ["spam", "spam", "ham", "spam", "ham", "ham", "spam", "ham", "ham", "spam"]
    assert list(clean.texts) == [f"t{i}" for i in range(11) if i != 5]
    assert clean.places[5] == "row 6"
    assert clean.given == ["train"] * 10
    assert clean.notes[0] == "data.path=x has 1 missing label, the first in row 5: left out."
    assert len(clean.notes) == 3


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (texts(), r"^data\.path=x holds no texts"),
        (
            texts(("a", "x"), ("a", " \n"), ("b", ""), ("b", "y")),
            "has 2 empty texts, the first in line 3; fill them, or",
        ),
        (texts(("a", "x"), ("a", " "), ("b", "y")), "has 1 empty text in line 3; fill"),
        (texts(("a", "x"), ("a", "y")), "has one class only, 'a'; a classifier needs"),
        (
            texts(("up", "x"), ("up ", "y")),
            r"^data\.path=x has the labels 'up' and 'up ' \(line 3\), which look alike; ",
        ),
        (texts(("a b", "x"), ("a\xa0 b", "y")), r"has the labels 'a b' and 'a\\xa0 b' \(line 3\)"),
        (texts(("up", "x"), ("\u200bup", "y")), r"has the labels 'up' and '\\u200bup' \(line 3\)"),
        (texts(("\xe9", "x"), ("e\u0301", "y")), r"has the labels '\xe9' and 'e\\u0301' \(line 3\)"),
        (texts(("a", "x"), ("b", "y"), ("a", "z")), r"has 1 text of class 'b' \(line 3\); every class needs"),
        (
            texts(("a", "x"), ("b", "y"), ("a", "z"), ("c", "v")),
            r"has 2 classes of a single text, the first 'b' \(line 3\); every class needs",
        ),
        (
            texts(("a", "x"), ("b", "y"), ("a", "z"), ("b", "w")),
            r"^data\.path=x holds 4 texts in all; give at least",
        ),
    ],
)
def test_refusals(found: Texts, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_texts(found, SETTINGS, source="data.path=x")


def test_labels_that_can_be_told_apart_are_classes() -> None:
    names = ["up", "u p", "up.", "क्ष", "क्\u200dष"]
    good = texts(*((name, text) for name in names for text in "xy"))
    assert check_texts(good, SETTINGS, source="s").classes == sorted(names)


def test_classes_are_ordered_as_numbers_then_by_spelling() -> None:
    found = texts(*((label, "x") for label in ("b", "10", "2", "-1", "nan", "B", "2.5")))
    assert found.classes == ["-1", "2", "2.5", "10", "B", "b", "nan"]
