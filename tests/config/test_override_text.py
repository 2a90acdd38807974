"""Settings as text: Hydra and a shell read them back as they were."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hpo.config.override_text import override_line, override_value
from hpo.config.search import ParamValue

TEXTS = st.text(st.characters(categories=("L", "N", "P", "S"), exclude_characters="$", include_characters=" '\\"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers()


@given(
    st.dictionaries(
        st.sampled_from(["train.lr", "model.n_hid", "train.x"]), NUMBERS | TEXTS | st.booleans() | st.none()
    )
)
def test_override_line_is_read_back_exactly(params: dict[str, ParamValue]) -> None:
    overrides = OverridesParser.create().parse_overrides(shlex.split(override_line(params)))
    read = {override.key_or_group: override.value() for override in overrides}
    assert read == params
    assert {path: type(value) for path, value in read.items()} == {path: type(v) for path, v in params.items()}


@pytest.mark.parametrize("text", ["true", "null", "1e3", "007", "a b", "it's", "\\", "[1,2]", "", "nan", "a=b", "~"])
def test_texts_that_look_like_something_else_stay_texts(text: str) -> None:
    (override,) = OverridesParser.create().parse_overrides(shlex.split(override_line({"train.x": text})))
    assert override.value() == text


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:5000", "postgresql+psycopg2://db:5432/ml-flow", "sqlite:////a/b_c.db"]
)
def test_addresses_need_no_quotes(uri: str) -> None:
    line = override_line({"tracking.uri": uri})
    assert line == f"tracking.uri={uri}"
    (override,) = OverridesParser.create().parse_overrides([line])
    assert override.value() == uri


ANY_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.text("\\'\"$a {[,")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXTS, lambda inner: st.lists(inner)
)


@settings(deadline=None, max_examples=50)
@given(value=VALUES)
@example(value=["True", "null", "Inf", "nan", "café", "C:\\new", "it's", "\\'", "a\\\\", "${x}", "", " a", "1e5", "~"])
def test_hydra_reads_a_value_as_it_was_given(value: Any) -> None:
    parsed = OverridesParser.create().parse_override(f"key={override_value(value)}")
    assert parsed.value() == value
    assert type(parsed.value()) is type(value)
