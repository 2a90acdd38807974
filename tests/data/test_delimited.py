"""CSV and TSV as people really write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.data.delimited import Row, find_delimiter, read_csv, read_delimited, read_tsv

AWKWARD = ['say "hi"', "two\nlines", "a\ttab, and a comma", '"', "", "plain", " spaces ", "x" * 200_000]
# A field of both tabs and line ends may also be read as whole rows: read_tsv then joins nothing.
TEXTS = st.lists(st.text(' ab"\n,\r', min_size=1) | st.text(' ab"\t,', min_size=1), min_size=1, max_size=6)
LINES = st.lists(st.text(st.sampled_from(" ab\"',")), min_size=1, max_size=6)


def fields(text: str, suffix: str) -> list[list[str]]:
    read = read_csv if suffix == "csv" else read_tsv
    return [list(row.fields) for row in read(text, shown="data.path=x")][1:]


@pytest.mark.parametrize(("suffix", "separator"), [("csv", ","), ("tsv", "\t")])
def test_what_pandas_writes_is_read(suffix: str, separator: str) -> None:
    frame = pd.DataFrame({"label": range(len(AWKWARD)), "text": AWKWARD})
    found = fields(frame.to_csv(index=False, sep=separator), suffix)
    assert found == [[str(i), text] for i, text in enumerate(AWKWARD)]


@given(TEXTS)
def test_what_csv_writes_is_read(texts: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter="\t").writerows([["label", "text", "more"], *(["a", text, "b"] for text in texts)])
    rows = fields(file.getvalue(), "tsv")
    assert rows == [["a", text, "b"] for text in texts]


@given(LINES)
def test_raw_lines_are_never_joined(texts: list[str]) -> None:
    raw = "label\ttext\n" + "".join(f"pos\t{text}\n" for text in texts)
    found = fields(raw, "tsv")
    assert len(found) == len(texts)
    unquoted = [
        text[1:-1].replace('""', '"') if len(text) > 1 and text[0] == text[-1] == '"' else text for text in texts
    ]
    assert [row[1] for row in found] in (texts, unquoted)


def test_stray_quotes_in_raw_tsv_are_text() -> None:
    raw = 'text\tlabel\n"unfinished quote\tpos\nand then it "\tneg\n"a" is not "b"\tneg\n'
    assert fields(raw, "tsv") == [['"unfinished quote', "pos"], ['and then it "', "neg"], ['"a" is not "b"', "neg"]]


def test_stray_quotes_that_would_join_two_lines_are_text() -> None:
    raw = 'text\tlabel\n"he said\tpos\nand left"\tneg\n'
    assert fields(raw, "tsv") == [['"he said', "pos"], ['and left"', "neg"]]


def test_quotes_around_a_field_are_taken_off() -> None:
    assert fields('"text"\t"label"\n"all ""fine"""\t"pos"\n', "tsv") == [['all "fine"', "pos"]]


def test_characters_that_merely_look_like_line_ends_stay() -> None:
    assert fields("text\tlabel\na\x85b\u2028c\tpos\r\n", "tsv") == [["a\x85b\u2028c", "pos"]]


def test_rows_know_their_line() -> None:
    rows = list(read_csv('text,label\n"two\nlines",a\n\nlast,b\n', shown="x"))
    assert [row.line for row in rows] == [1, 2, 5]


@pytest.mark.parametrize("read", [read_csv, read_tsv])
def test_uneven_rows_are_refused(read: Callable[..., Iterable[Row]]) -> None:
    text = "text,label\na,b\na,b,c\n"
    text = text if read is read_csv else text.replace(",", "\t")
    with pytest.raises(ValueError, match=r"^data.path=x has 3 fields in line 3 and 2 in its header"):
        list(read(text, shown="data.path=x"))


@pytest.mark.parametrize("text", ['text,label\na,b\n"open,b\n', 'text,label\na,b\n"closed" late,b\n'])
def test_broken_quoting_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^data.path=x is not well-formed from line 3 on"):
        list(read_csv(text, shown="data.path=x"))


def test_a_file_read_bit_by_bit_has_the_rows_of_its_text() -> None:
    content = '\ufeff"text",label\n"two\nlines",a\n\n"say ""hi""",b\n' + "x" * 200_000 + ",c\n"
    streamed = [(row.line, list(row.fields)) for row in read_delimited(io.StringIO(content, newline=""), shown="x")]
    assert streamed == [(row.line, list(row.fields)) for row in read_csv(content.removeprefix("\ufeff"), shown="x")]


def test_blank_lines_of_a_single_column_are_rows() -> None:
    rows = list(read_delimited(io.StringIO("text\nn\udce9\n\nlast\n", newline=""), shown="x"))
    assert [(row.line, *row.fields) for row in rows] == [(1, "text"), (2, "n\udce9"), (3, ""), (4, "last")]


@pytest.mark.parametrize(
    ("head", "wanted", "sign"),
    [
        ("text;label\n3,5 of 5, good;up\n", {"text"}, ";"),
        ("a;b\n3,5;up\n1,2;down\n", set(), ";"),
        ("a|b;c\n1|2;3\n", {"a"}, "|"),
        ("a\tb\n1,2\t3\n", set(), "\t"),
        ("one\nsmall, step\n", set(), ","),
        ("", set(), ","),
    ],
)
def test_what_separates_columns_is_found(head: str, wanted: set[str], sign: str) -> None:
    assert find_delimiter(head.splitlines(keepends=True), wanted) == sign


def test_blanks_behind_delimiters_are_no_part_of_quoted_fields() -> None:
    text = 'text, label\n"good, really", up\nbad, down\n'
    rows = list(read_delimited(io.StringIO(text, newline=""), shown="x"))
    assert [list(row.fields) for row in rows] == [["text", "label"], ["good, really", "up"], ["bad", "down"]]
