"""A published archive: downloaded, compared with what is known of it, unpacked; anything else is refused.

Which archives there are is told by those who need them.
"""

from __future__ import annotations

import configparser
import gzip
import hashlib
import http.client
import os
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hpo.machine.errors import first_line
from hpo.machine.files import new_beside

TIMEOUT_S = 30.0  # without a byte
CHUNK_BYTES = 2**20

OnBytes = Callable[[int, int], None]
"""Called with (done, total)."""


@dataclass(frozen=True)
class Archive:
    """A tar.gz archive with one folder in it, and what is known of it.

    Attributes:
        url: Where it is to be had.
        size_bytes: Its exact size.
        head_md5: MD5 of its first MiB: all that fastai publishes of its archives beside the size.
        advice: What a user without it may do, the end of a sentence.
    """

    url: str
    size_bytes: int
    head_md5: str
    advice: str


def download(archive: Archive, path: Path, on_bytes: OnBytes) -> None:
    """Puts an archive at `path`; nothing is there unless it is the published one.

    Raises:
        OSError: if it cannot be had.
        ValueError: if what comes is something else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = new_beside(path)
    try:
        with os.fdopen(descriptor, "wb") as file, urllib.request.urlopen(archive.url, timeout=TIMEOUT_S) as answer:
            _copy(answer, file, archive.size_bytes, on_bytes)
        _check(archive, part, f"What was downloaded from {archive.url}", "try again later")
        part.replace(path)
    except http.client.HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def unpack(archive: Archive, path: Path, folder: Path) -> None:
    """Unpacks the archive at `path` as `folder`, which is there completely or not at all.

    Raises:
        ValueError: if it is not the published one, is damaged, or holds a file that would lie elsewhere.
    """
    _check(archive, path, str(path), "delete it to download it anew")
    advice = f"delete it, {archive.advice}."
    if not hasattr(tarfile, "data_filter"):
        raise ValueError(f"{path} cannot be unpacked safely by this Python; use 3.11.4 or newer, {archive.advice}.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        try:
            with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
                tar.extractall(temporary, filter="data")
                while stream.read(CHUNK_BYTES):  # to the checksum at its end
                    pass
        except tarfile.FilterError as error:
            raise ValueError(f"{path} holds a file that would lie outside of its folder ({error}); {advice}") from error
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:  # the disk's trouble, not the archive's
                raise
            raise ValueError(f"{path} is damaged ({first_line(error)}); {advice}") from error
        entries = list(Path(temporary).iterdir())
        if len(entries) != 1 or not entries[0].is_dir():
            raise ValueError(f"{path} does not hold one folder and nothing else; {advice}")
        try:
            entries[0].rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker
                raise


def fastai_folder(kind: str) -> Path:
    """Returns fastai's folder of archives, data or models, found without importing fastai."""
    home = Path(os.getenv("FASTAI_HOME", "~/.fastai")).expanduser().absolute()
    settings = configparser.ConfigParser()
    settings.read(home / "config.ini", encoding="utf8")
    return home / settings["DEFAULT"].get(kind, "models" if kind == "model" else kind)


def _copy(answer: BinaryIO, file: BinaryIO, size_bytes: int, on_bytes: OnBytes) -> None:
    """Copies one byte more than expected at most, so that no server fills the disk."""
    done = 0
    while chunk := answer.read(min(CHUNK_BYTES, size_bytes + 1 - done)):
        file.write(chunk)
        done += len(chunk)
        on_bytes(min(done, size_bytes), size_bytes)


def _check(archive: Archive, path: Path, subject: str, remedy: str) -> None:
    """Refuses a file that is not the published archive."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        head_md5 = hashlib.md5(file.read(2**20), usedforsecurity=False).hexdigest()
    differs = []
    if size_bytes > archive.size_bytes:
        differs.append(f"it has more than {archive.size_bytes:,} bytes")
    elif size_bytes < archive.size_bytes:
        differs.append(f"it has {size_bytes:,} bytes instead of {archive.size_bytes:,}")
    if head_md5 != archive.head_md5:
        differs.append(f"its first MiB has the MD5 {head_md5} instead of {archive.head_md5}")
    if differs:
        raise ValueError(
            f"{subject} is not the published archive: {' and '.join(differs)}; {remedy}, {archive.advice}."
        )
