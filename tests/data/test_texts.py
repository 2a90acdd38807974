"""What every source must hold, and the order of classes."""

from __future__ import annotations

import pytest

from hpo.data.texts import Texts, check_texts
from tests.support.data_sources import SETTINGS


def texts(*rows: tuple[str, str]) -> Texts:
    return Texts([text for _, text in rows], [label for label, _ in rows], [f"line {i + 2}" for i in range(len(rows))])


def test_good_texts_pass_unchanged() -> None:
    good = texts(("a", "x"), ("b", "y"), ("a", "z"), ("b", "w"))
    assert check_texts(good, SETTINGS, source="s") is good


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
    ],
)
def test_refusals(found: Texts, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_texts(found, SETTINGS, source="data.path=x")


def test_labels_that_can_be_told_apart_are_classes() -> None:
    names = ["up", "Up", "u p", "up.", "क्ष", "क्\u200dष"]
    good = texts(*((name, text) for name in names for text in "xy"))
    assert check_texts(good, SETTINGS, source="s").classes == sorted(names)


def test_classes_are_ordered_as_numbers_then_by_spelling() -> None:
    found = texts(*((label, "x") for label in ("b", "10", "2", "-1", "nan", "B", "2.5")))
    assert found.classes == ["-1", "2", "2.5", "10", "B", "b", "nan"]
