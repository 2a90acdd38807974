"""The text of a file's bytes: in the encoding that its first bytes tell, or else in the one given."""

from __future__ import annotations

import codecs
import io
from typing import IO

SUGGESTED = ("cp1252", "latin-1", "utf-8")
MARKS = {  # the longer first: that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def decode(content: bytes, encoding: str, *, shown: str, setting: str = "data.encoding") -> str:
    """Returns the text of a file; a byte order mark says its encoding and is no part of it; line ends stay as they are.

    Args:
        content: The file's bytes.
        encoding: Any name Python knows, of a file without a mark.
        shown: What errors call the file: "data.path=reviews.csv".
        setting: What errors call the encoding; "" where there is none to choose.

    Raises:
        ValueError: If there is no such encoding or the bytes are not in it.
    """
    used = marked(content) or encoding
    try:
        return content.decode(used).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{shown} is not {used} throughout: line {line} has byte 0x{content[error.start]:02x} "
            f"(byte {error.start + 1:,} of the file); {_advice(encoding, setting, content)}"
        ) from error
    except (LookupError, ValueError) as error:
        raise ValueError(_unknown_encoding(encoding, setting)) from error


def read_as_text(file: IO[bytes], encoding: str, *, setting: str) -> io.TextIOBase:
    """Returns the text of a file that is read bit by bit; bytes that are no text are kept as lone surrogates.

    Args:
        file: The file's bytes; its first ones are read.
        encoding: Any name Python knows, of a file without a mark.
        setting: What errors call the encoding.

    Raises:
        ValueError: If there is no such encoding.
    """
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(file)  # type: ignore[type-var]
    used = marked(buffered.peek(4)) or encoding
    try:
        return io.TextIOWrapper(buffered, used, errors="surrogateescape", newline="")
    except (LookupError, ValueError) as error:
        raise ValueError(_unknown_encoding(encoding, setting)) from error


def marked(content: bytes) -> str:
    """Returns the encoding that the first bytes of a file tell; "" if they tell none."""
    return next((encoding for mark, encoding in MARKS.items() if content.startswith(mark)), "")


def not_throughout(shown: str, encoding: str, setting: str) -> str:
    """Returns the sentence on a file that breaks off, for it is not in its encoding."""
    return f"{shown} is not {encoding} throughout; {_advice(encoding, setting)}"


def _unknown_encoding(encoding: str, setting: str) -> str:
    return f"{setting}={encoding!r} is no text encoding Python knows; use utf-8, latin-1, cp1252 or utf-16."


def _advice(encoding: str, setting: str, content: bytes = b"") -> str:
    if not setting:
        return "save it as UTF-8."
    start = content[:1000]
    n_even, n_odd = start[::2].count(0), start[1::2].count(0)
    if max(n_even, n_odd) > len(start) / 4:  # every other byte of most characters
        return f"try {setting}=utf-16-{'be' if n_even > n_odd else 'le'}, or convert the file."
    others = [f"{setting}={name}" for name in SUGGESTED if name != encoding.lower()]
    return f"try {' or '.join(others[:2])}, or convert the file."
