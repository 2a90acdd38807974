"""Texts from outside in each kind of document."""

from __future__ import annotations

import csv
import io

import pytest

from hpo.machine.escaping import (
    file_stem,
    for_html,
    for_markdown,
    for_matplotlib,
    for_plotly,
    for_script,
    for_spreadsheet,
    for_template,
    one_line,
    wrapped,
)


def test_one_line_has_no_breaks_overrides_or_surrogates() -> None:
    assert one_line("a\nb\u2028c\u202ed\x00e\ud800f") == "a b c d e f"


def test_html_keeps_line_breaks_and_what_is_no_text() -> None:
    assert for_html("a\n\u202eb") == "a\n b"
    assert for_html(3) == 3


def test_plotly_sees_neither_markup_nor_mathematics_nor_a_template() -> None:
    assert for_plotly("<b>&amp;$x$") == "&lt;b&gt;&amp;amp;&#36;x&#36;"
    assert "%{" not in for_template("%{x}")


def test_json_does_not_end_a_script() -> None:
    escaped = for_script('"</script><!--\u2028&"')
    assert not set("<>&\u2028") & set(escaped)


def test_matplotlib_sees_no_mathematics() -> None:
    from matplotlib.figure import Figure

    text = Figure().text(0, 0, for_matplotlib("$\\frac$ and $x^2$\n"))
    assert text._preprocess_math(text.get_text())[1] is False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b `c`", r"a\|b \`c\`"),
        ("<img src=x>", r"\<img src=x\>"),
        ("[x](javascript:alert(1))", r"\[x\](javascript:alert(1))"),
        ("https://evil.example www.evil.example", r"https\://evil.example www\.evil.example"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("two\nlines", "two lines"),
        ("-0.5", "-0.5"),
        ("1.5 s", "1.5 s"),
        ("=== x", r"\=== x"),
    ],
)
def test_markdown_is_text(text: str, shown: str) -> None:
    assert for_markdown(text) == shown


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx", "＝x"])
def test_a_formula_is_marked_as_text(text: str) -> None:
    assert for_spreadsheet(text) == f"'{text}"
    assert for_spreadsheet(f"a{text}") == f"a{text}"
    file = io.StringIO()
    csv.writer(file).writerow([for_spreadsheet(text)])
    assert next(csv.reader(io.StringIO(file.getvalue(), newline="")))[0] == f"'{text}"


def test_file_stems_are_safe_everywhere() -> None:
    assert file_stem("ranks: a/b") == "ranks-a-b"
    assert file_stem("../..") == "unnamed"


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert wrapped("one two three four", width=9, max_lines=2) == ["one two", "three …"]
    assert wrapped("", width=9, max_lines=2) == [""]
