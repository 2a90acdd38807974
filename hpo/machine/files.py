"""Files that are either complete or absent: written beside their name, flushed, then renamed.

Bytes and JSON only; what they mean is the business of `checkpoint`, `weights` and others.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from hpo.machine.errors import causes, first_line
from hpo.machine.paths import HINT

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the disk, the user's share of it, or a file's largest size
_SIGNS = ("disk is full", "disk I/O error", " requested and ")  # SQLite's twice; numpy's, which gives no number
_NO_FILE = "unable to open database file"
# What loading a library, starting a thread, torch and the C++ library say; none of it is a MemoryError.
_NO_MEMORY = (
    *("failed to map segment", "Cannot allocate memory", "cannot allocate memory", "can't allocate memory"),
    *("can't start new thread", "std::bad_alloc"),
)
_DATABASE_IS_FULL = "53100"  # PostgreSQL's code for it; its words are in any language


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces `path` by `content`; whoever reads it sees the old bytes or the new ones, never a part."""
    write_pieces(path, [content])


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Replaces `path` by pieces that are made one after another, as `write_atomically` does."""
    descriptor, temporary = new_beside(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def new_beside(path: Path) -> tuple[int, Path]:
    """Returns the descriptor and the path of a new file beside `path`, for whom the umask says.

    Those of `tempfile` are for their owner alone, also when they have their final name: a team could not read them.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    return os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666), temporary


def sync(path: Path) -> None:
    """Makes what a file holds, or the names that a folder holds, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, content: object) -> None:
    """Replaces `path` by `content` as indented JSON; NaN and infinity are refused."""
    write_atomically(path, (json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())


def lack_of_room(error: BaseException) -> str:
    """Returns one sentence if `error` is about a full disk, or was caused by one that is; else ""."""
    for each in causes(error):
        if isinstance(each, OSError) and each.errno in _NO_ROOM:
            return _no_room(f"{each.filename}: {each.strerror}" if each.filename else str(each.strerror))
        reason = first_line(each)
        if any(sign in reason for sign in _SIGNS) or getattr(each, "sqlstate", None) == _DATABASE_IS_FULL:
            return _no_room(reason)
        if _NO_FILE in reason and not _takes_files(Path.cwd()):
            return _no_room(f"{reason}: the file system takes no further file, for it has no inode left")
    return ""


def _takes_files(folder: Path) -> bool:
    """Returns whether the file system of a folder can hold one file more; some count none."""
    status = os.statvfs(folder)
    return status.f_files == 0 or status.f_favail > 0


def lack_of_memory(error: BaseException) -> str:
    """Returns one sentence if `error` says that this process gets no more memory, or was caused by one that does."""
    for each in causes(error):
        reason = first_line(each)
        is_refused = isinstance(each, OSError) and each.errno == errno.ENOMEM
        if is_refused or isinstance(each, MemoryError) or any(sign in reason for sign in _NO_MEMORY):
            return (
                f"There is not enough memory ({reason[:200]}); allow this process more (ulimit -v, the limit of its "
                f"container), or let it do less at once (executor.n_workers); the same command goes on. {HINT}"
            )
    return ""


def _no_room(reason: str) -> str:
    return f"There is no room left to write ({reason}); free some, and the same command goes on. {HINT}"


def hash_bytes(content: bytes) -> str:
    """Returns the SHA-256 of `content` in hexadecimal."""
    return hash_pieces([content])


def hash_pieces(pieces: Iterable[bytes]) -> str:
    """Returns the SHA-256 of all pieces together in hexadecimal."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
