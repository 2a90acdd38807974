"""Names of files made from any text."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.machine.paths import file_name

anything = st.text(st.characters(), min_size=1, max_size=500)


@settings(max_examples=300, deadline=None)
@given(anything)
def test_any_text_is_one_part_of_a_path_and_of_an_address(text: str) -> None:
    name = file_name(text)
    assert name not in ("", ".", "..")
    assert "/" not in name
    assert "\0" not in name
    assert name.isprintable()
    assert len(os.fsencode(name)) <= 255 - len(".parquet")
    assert len(quote(name, safe="")) <= 200
    assert Path("/x", name).resolve().parent == Path("/x")


@settings(max_examples=300, deadline=None)
@given(anything, anything)
def test_no_two_texts_have_one_name(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


ALIKE = ("a/b", "a_b", "..", ".", "study", "a:b", "a b", "a\tb", "客" * 40, "客" * 41, "\ud800", file_name("a/b"))


def test_names_that_are_easily_taken_for_each_other_differ() -> None:
    assert len({file_name(text) for text in ALIKE}) == len(ALIKE)


@pytest.mark.parametrize("usual", ["smoke", "imdb-2.1", "Müller & Söhne", "客服工单分类", "a b_c"])
def test_usual_names_stay_as_they_are(usual: str) -> None:
    assert file_name(usual) == usual
