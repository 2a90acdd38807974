"""Files as they are kept: as they are, or packed by gzip, bzip2, xz, zstd or zip.

Which they are is seen in their first bytes, for browsers unpack what they save and leave its name.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import IO

SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")
MARKS = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}
EXCEL = "xl/workbook.xml"  # is in the zip archive that an Excel file is
BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError)


def inner_name(path: Path) -> str:
    """Returns the name of what a file holds: reviews.csv of reviews.csv.gz."""
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


@contextmanager
def open_unpacked(path: Path, *, shown: str) -> Iterator[tuple[IO[bytes], str]]:
    """Yields the content of a file and the content's name.

    Args:
        path: The file.
        shown: What errors call it.

    Raises:
        ValueError: If it cannot be unpacked, at once or while it is read.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        start = file.peek(8)
        packing = next((name for mark, name in MARKS.items() if start.startswith(mark)), "")
        try:
            with _unpacked(file, path, packing, shown) as opened:
                yield opened
        except BROKEN as error:
            raise ValueError(_damaged(shown, packing, error)) from error
        except (OSError, RuntimeError) as error:
            if not packing or getattr(error, "errno", None):
                raise
            raise ValueError(_damaged(shown, packing, error)) from error


@contextmanager
def _unpacked(file: IO[bytes], path: Path, packing: str, shown: str) -> Iterator[tuple[IO[bytes], str]]:
    match packing:
        case "gzip":
            yield gzip.GzipFile(fileobj=file), inner_name(path)  # type: ignore[misc]  # a file to all who read it
        case "bzip2":
            yield bz2.BZ2File(file), inner_name(path)
        case "xz":
            with lzma.LZMAFile(file) as content:
                yield content, inner_name(path)
        case "zstd":
            import pyarrow

            yield pyarrow.input_stream(file, compression="zstd"), inner_name(path)
        case "zip":
            with zipfile.ZipFile(file) as archive:
                if EXCEL in archive.namelist():
                    file.seek(0)
                    yield file, f"{path.stem}.xlsx"
                else:
                    member = _only_member(archive, shown)
                    with archive.open(member) as content:
                        yield content, PurePath(member).name
        case _:
            yield file, inner_name(path)


def _only_member(archive: zipfile.ZipFile, shown: str) -> str:
    members = [
        name
        for name in archive.namelist()
        if not name.endswith("/") and not any(part.startswith((".", "__MACOSX")) for part in PurePath(name).parts)
    ]
    if len(members) != 1:
        held = f"{len(members)} files ({', '.join(members[:3])}{', …' if len(members) > 3 else ''})" if members else ""
        raise ValueError(
            f"{shown} is a zip archive of {held or 'no file'}; one of a single file can be read: unpack it, and give "
            "the folder or one of its files."
        )
    return members[0]


def _damaged(shown: str, packing: str, error: Exception) -> str:
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")
    return (
        f"{shown} cannot be unpacked: it is a damaged or encrypted {packing} file ({reason}); fetch or write it anew."
    )
