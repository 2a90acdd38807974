"""Bytes of a file become text in the encoding the user names."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE

SUGGESTED = ("cp1252", "latin-1", "utf-8")


def decode(content: bytes, encoding: str, *, shown: str) -> str:
    """Returns the text of a file; a byte order mark is no part of it, line ends stay as they are.

    Args:
        content: The file's bytes.
        encoding: Any name Python knows.
        shown: What errors call the file: "data.path=reviews.csv".

    Raises:
        ValueError: If there is no such encoding or the bytes are not in it.
    """
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(_undecodable(content, encoding, error, shown)) from error
    except (LookupError, ValueError) as error:
        raise ValueError(
            f"data.encoding={encoding!r} is no text encoding Python knows; use utf-8, latin-1, cp1252 or utf-16."
        ) from error


def _undecodable(content: bytes, encoding: str, error: UnicodeDecodeError, shown: str) -> str:
    line = content.count(b"\n", 0, error.start) + 1
    is_utf16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    suggested = ("utf-16",) if is_utf16 else SUGGESTED
    others = [f"data.encoding={name}" for name in suggested if name != encoding.lower()] or ["another data.encoding"]
    return (
        f"{shown} is not {encoding} throughout: line {line} has byte 0x{content[error.start]:02x} "
        f"(byte {error.start + 1:,} of the file); try {' or '.join(others[:2])}, or convert the file."
    )
