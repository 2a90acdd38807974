"""Chains of exceptions, walked from the outside in, and what is said first."""

from __future__ import annotations

import pytest

from hpo.machine.errors import causes, first_line


def test_what_an_error_was_raised_for_follows_it() -> None:
    inner, middle, outer = KeyError("x"), ValueError("y"), RuntimeError("z")
    middle.__context__ = inner
    outer.__cause__ = middle
    outer.__context__ = OSError("on the way")
    assert list(causes(outer)) == [outer, middle, inner]
    assert list(causes(inner)) == [inner]


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert list(causes(first)) == [first, second]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("\n  It is broken.\nSee the manual."), "It is broken"),
        (OSError(28, "No space left on device"), "[Errno 28] No space left on device"),
        (TimeoutError(), "TimeoutError"),
    ],
)
def test_the_first_line_is_what_is_said(error: Exception, said: str) -> None:
    assert first_line(error) == said
