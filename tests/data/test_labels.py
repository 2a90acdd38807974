"""Labels as people have them: what is refused, in which words, and what `clean` makes of it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from hpo.config.schema import Labels
from hpo.data.labels import Names, name_classes

PLAIN = ["up", "down"] * 8


def named(values: Sequence[object], rule: Labels) -> Names:
    return name_classes(values, [f"row {i + 1}" for i in range(len(values))], rule=rule, shown="data.label_column=y")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (PLAIN, PLAIN),
        ([True, False] * 8, ["True", "False"] * 8),
        ([1, 0] * 8, ["1", "0"] * 8),
        ([1.5, 2.0] * 8, ["1.5", "2.0"] * 8),  # stars
        (list(np.array([0, 3] * 8)), ["0", "3"] * 8),
        ([str(i) for i in range(30)] * 6, [str(i) for i in range(30)] * 6),  # codes of classes that repeat
        (["(none)", "[pos]", "{x}"] * 5, ["(none)", "[pos]", "{x}"] * 5),
        (["क्ष", "क्\u200dष"] * 8, ["क्ष", "क्\u200dष"] * 8),
        (["a.b", "a b", "a_b", "01", "1"] * 4, ["a.b", "a b", "a_b", "01", "1"] * 4),
        (["Cafe\u0301", "bar"] * 8, ["Cafe\u0301", "bar"] * 8),  # folders of macOS
    ],
)
@pytest.mark.parametrize("rule", list(Labels))
def test_what_may_be_meant_is_taken_as_it_is(values: Sequence[object], names: Sequence[str], rule: Labels) -> None:
    assert named(values, rule) == Names(names, [])


@pytest.mark.parametrize(
    ("values", "sentence", "cleaned"),
    [
        (["up ", *PLAIN], r"'up ' and 'up' \(row 2\), which look alike; .*reads them as 'up'\.$", ["up", *PLAIN]),
        ([" up", " down"] * 8, r"has blanks or signs .* 2 labels, the first ' up' \(row 1\); take", PLAIN),
        (["\u200eup", "down"] * 8, r"has blanks or signs .* '\\u200eup' \(row 1\); take them out", PLAIN),
        (["up\x00", "down"] * 8, r"has blanks or signs .* 'up\\x00' \(row 1\)", PLAIN),
        (["u\np", "down"] * 8, r"has blanks or signs .* 'u\\np' \(row 1\)", ["u p", "down"] * 8),
        ([*PLAIN, "Up"], r"'up' and 'Up' \(row 17\), which differ in the case or width of letters", [*PLAIN, "up"]),
        ([*PLAIN, "ｕｐ"], r"'up' and 'ｕｐ' \(row 17\), which differ in the case or width", [*PLAIN, "up"]),
        ([*PLAIN, "u\u200bp"], r"'up' and 'u\\u200bp' \(row 17\), which look alike", [*PLAIN, "up"]),
        (["é", "b"] * 8 + ["e\u0301"], r"'é' and 'e\\u0301' \(row 17\), which look alike", ["é", "b"] * 8 + ["é"]),
        (["1", "0"] * 8 + ["1.0"], r"'1' and '1.0' \(row 17\), which are one number", ["1", "0"] * 8 + ["1"]),
        ([1, 0] * 8 + [1.0], r"'1' and '1.0' \(row 17\), which are one number", ["1", "0"] * 8 + ["1"]),
        ([1, 0] * 8 + ["１"], r"several types, 1 in row 1 and '１' in row 17; write", ["1", "0"] * 8 + ["1"]),
        ([True, "False"] * 8, r"several types, True in row 1 and 'False' in row 2", ["True", "False"] * 8),
        ([True, False] * 8 + ["true"], r"several types, True in row 1 and 'true'", ["True", "False"] * 8 + ["True"]),
        (["1", "0"] * 8 + ["١"], r"'1' and '١' \(row 17\), which differ in the case or", ["1", "0"] * 8 + ["1"]),
        (["1000", "0"] * 8 + ["1e3"], r"'1000' and '1e3' \(row 17\), which are one", ["1000", "0"] * 8 + ["1000"]),
        (["cop", "b"] * 8 + ["сор"], r"'cop' and 'сор' \(row 17\), which are of letters", ["cop", "b"] * 8 + ["cop"]),
        ([*PLAIN, None], r"has 1 missing label, the first in row 17; fill them or leave", [*PLAIN, None]),
        (
            [*PLAIN, float("nan"), pd.NA, pd.NaT],
            r"has 3 missing labels, the first in row 17",
            [*PLAIN, None, None, None],
        ),
        ([*PLAIN, " ", "\u200b"], r"has 2 missing labels, the first in row 17", [*PLAIN, None, None]),
        ([*PLAIN, "nan"], r"has 1 missing label, the first \('nan'\) in row 17", [*PLAIN, None]),
        ([b"up", b"down"] * 8, r"holds b'up' in row 1, bytes, not texts; .*reads them as UTF-8", PLAIN),
        (["b'up'", "b'down'"] * 8, r"holds \"b'up'\" in row 1, bytes, not texts", PLAIN),
        (
            [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)] * 8,
            r"holds datetime.date\(2024, 1, 1\) in row 1, points in time",
            ["2024-01-01", "2024-01-02"] * 8,
        ),
        (["2024-01-01", "2024-01-02"] * 8, r"has 2 dates, as '2024-01-01', '2024-01-02', which", None),
        ([i / 7 for i in range(21)] * 9, r"has 21 different numbers in 189 texts, as '0.0', .* measurements", None),
        ([f"3,{i}" for i in range(30)] * 9, r"has 30 different numbers in 270 texts", None),
        ([str(1000 + i) for i in range(40)] * 2, r"has 40 different numbers in 80 texts", None),
        ([i * 0.1 for i in range(12)], r"has 12 different numbers in 12 texts", None),
        ([f"user{i}" for i in range(20)], r"has 20 different labels in 20 texts, as 'user0', .*ids or texts", None),
        (["word " * 50 + "w", "down"] * 8, r"has a label of 251 characters, 'word .*… \(row 1\), which looks", None),
        (["a", "b", "a,b"] * 5, r"has the label 'a,b' \(row 3\), which looks like several", None),
    ],
)
def test_slips_are_refused_or_mended_and_said(
    values: Sequence[object], sentence: str, cleaned: Sequence[str | None] | None
) -> None:
    with pytest.raises(ValueError, match=rf"^data\.label_column=y .*{sentence}") as refused:
        named(values, Labels.strict)
    assert "or give data.labels=clean, which " in str(refused.value)
    found = named(values, Labels.clean)
    assert list(found.names) == list(map(str, values) if cleaned is None else cleaned)
    assert found.notes
    assert all(note.startswith("data.label_column=y ") and note.endswith(".") for note in found.notes)


@pytest.mark.parametrize("rule", list(Labels))
@pytest.mark.parametrize(
    "value",
    [
        ["up"],
        ("up", 1),
        {"main": 1},
        {1, 2},
        np.array([1, 2]),
        "['up', 'down']",
        "[0 1]",
        '{"a": true}',
        "('a', 1)",
        "[]",
    ],
)
def test_a_label_that_is_several_is_refused_always(value: object, rule: Labels) -> None:
    with pytest.raises(ValueError, match=r"^data\.label_column=y holds .* in row 1, which is no single label; give"):
        named([value, *PLAIN], rule)


def test_bytes_that_are_no_text_are_refused_always() -> None:
    with pytest.raises(ValueError, match=r"holds b'\\xff' in row 1, bytes that are no UTF-8; write the labels"):
        named([b"\xff", b"a"] * 8, Labels.clean)


def test_most_texts_decide_how_a_merged_class_is_spelled() -> None:
    found = named(["SPAM", "spam", "Spam ", "ham", "spam", "ham"] * 3, Labels.clean)
    assert found.names == ["spam", "spam", "spam", "ham", "spam", "ham"] * 3
    assert found.notes == [
        "data.label_column=y has 'SPAM' and 'spam' and 'Spam ', which differ in the case or width of letters only: "
        "read as 'spam', 12 texts."
    ]


@pytest.mark.parametrize("rule", list(Labels))
def test_a_class_that_programs_write_for_missing_is_said(rule: Labels) -> None:
    found = named([*PLAIN, "None", "None"], rule)
    assert found == Names(
        [*PLAIN, "None", "None"],
        ["data.label_column=y has the class 'None' (2 texts), which programs write where there is no label."],
    )
