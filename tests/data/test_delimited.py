"""CSV and TSV as people really write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.data.delimited import Row, decode, read_csv, read_tsv, stream_csv

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
    rows = read_csv('text,label\n"two\nlines",a\n\nlast,b\n', shown="x")
    assert [row.line for row in rows] == [1, 2, 5]


@pytest.mark.parametrize("read", [read_csv, read_tsv])
def test_uneven_rows_are_refused(read: Callable[..., list[Row]]) -> None:
    text = "text,label\na,b\na,b,c\n"
    text = text if read is read_csv else text.replace(",", "\t")
    with pytest.raises(ValueError, match=r"^data.path=x has 3 fields in line 3 and 2 in its header"):
        read(text, shown="data.path=x")


@pytest.mark.parametrize("text", ['text,label\na,b\n"open,b\n', 'text,label\na,b\n"closed" late,b\n'])
def test_broken_quoting_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^data.path=x is not well-formed from line 3 on"):
        read_csv(text, shown="data.path=x")


def test_utf8_with_and_without_byte_order_mark() -> None:
    assert decode("né\r\n".encode(), "utf-8", shown="x") == "né\r\n"
    assert decode("né".encode("utf-8-sig"), "UTF8", shown="x") == "né"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16"])
def test_other_encodings(encoding: str) -> None:
    assert decode("né".encode(encoding), encoding, shown="x") == "né"


def test_undecodable_bytes_are_located() -> None:
    with pytest.raises(
        ValueError, match=r"^data.path=x is not utf-8 .* line 2 has byte 0xe9 \(byte 7 .*cp1252"
    ) as error:
        decode(b"good\nn\xe9\n", "utf-8", shown="data.path=x")
    assert "latin-1" in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-9", "hex", "rot13", "", "no\0name"])
def test_unknown_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(ValueError, match=r"^data\.encoding=.* is no text encoding"):
        decode(b"ab", encoding, shown="x")


def test_a_file_in_utf16_is_told_so() -> None:
    with pytest.raises(ValueError, match=r"try data\.encoding=utf-16, or convert the file\.$"):
        decode("né".encode("utf-16"), "utf-8", shown="x")


def test_a_file_read_as_a_stream_has_the_rows_of_its_text(tmp_path: Path) -> None:
    content = '\ufeff"text",label\n"two\nlines",a\n\n"say ""hi""",b\n' + "x" * 200_000 + ",c\n"
    (tmp_path / "x.csv").write_bytes(content.encode())
    streamed = [(row.line, list(row.fields)) for row in stream_csv(tmp_path / "x.csv", "utf-8", setting="encoding")]
    assert streamed == [(row.line, list(row.fields)) for row in read_csv(content.removeprefix("\ufeff"), shown="x")]


def test_a_stream_keeps_bytes_that_are_no_text_and_blank_lines_of_a_single_column(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"text\nn\xe9\n\nlast\n")
    rows = list(stream_csv(tmp_path / "x.csv", "utf-8", setting="encoding"))
    assert [(row.line, *row.fields) for row in rows] == [(1, "text"), (2, "n\udce9"), (3, ""), (4, "last")]
