"""Files in any encoding, and the sentence for the wrong one."""

from __future__ import annotations

import pytest

from hpo.encoding import decode


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
