"""Bytes become text in the encoding that they tell, or that is given; what is no text is said with its place."""

from __future__ import annotations

import io

import pytest

from hpo.data.encodings import decode, read_as_text


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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("given", ["utf-8", "latin-1"])
def test_a_mark_says_the_encoding(encoding: str, given: str) -> None:
    content = "né\r\n".encode(encoding)
    assert decode(content, given, shown="x") == "né\r\n"
    assert read_as_text(io.BytesIO(content), given, setting="encoding").read().removeprefix("\ufeff") == "né\r\n"


def test_bytes_that_are_no_text_are_kept_where_a_file_is_read_bit_by_bit() -> None:
    assert read_as_text(io.BytesIO(b"n\xe9\n"), "utf-8", setting="encoding").read() == "n\udce9\n"
    with pytest.raises(ValueError, match=r"^encoding='utf-9' is no text encoding"):
        read_as_text(io.BytesIO(b""), "utf-9", setting="encoding")
