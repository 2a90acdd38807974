"""Claims on studies in a file: one driver a study, by whatever path it reaches the record, and none whose file is gone.

Each is a lock of this machine, keyed by what the file is and not by what it is called; the lock of a study's folder,
which other machines see, is in `machine.locks`.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

from hpo.machine.locks import StudyLock
from hpo.storage.enduring import StorageAway

OPEN_FILES = Path("/proc/self/fd")


class FileClaims:
    """The claims of one process on studies in the file `path`, as it is when this is made.

    A connection of its own keeps the file within reach when its name is gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._made_for = _identity(path)
        self._held: dict[str, ExitStack] = {}
        self._locks: dict[str, StudyLock] = {}
        self._connection: sqlite3.Connection | None = None
        self._gone = ""  # what was said of a file that is no longer at its path

    def take(self, study: str) -> None:
        """Takes the claim on `study`.

        Raises:
            StudyHeld: at once, naming the host and process of the holder.
            StorageAway: if the file was deleted or replaced.
        """
        self._check_file()
        with ExitStack() as held:
            self._locks[study] = held.enter_context(_lock(self._made_for, study))
            self._connection = self._connection or _connect(self._path)
            self._held[study] = held.pop_all()

    def let_go(self, study: str) -> None:
        """Lets go of the claim on `study`."""
        self._held.pop(study).close()
        del self._locks[study]
        if not self._held and self._connection is not None:
            self._connection.close()
            self._connection = None

    def ensure(self) -> None:
        """Refuses to write into a file that nobody finds again, or to a study whose lock was taken away and by another.

        Raises:
            StudyHeld: if another driver has taken a study over.
            StorageAway: if the file was deleted or replaced; what is in it was kept first.
        """
        if self._held:
            self._check_file()
        for lock in self._locks.values():
            lock.ensure()

    def _check_file(self) -> None:
        if not self._gone and _identity(self._path) != self._made_for:
            self._gone = (
                f"storage.path={self._path} was deleted or replaced while it was written to; what was recorded is in "
                f"{self._kept()}: move it back, and the same command goes on."
            )
        if self._gone:
            raise StorageAway(self._gone)

    def _kept(self) -> Path:
        """Returns where the file is now; one that has no name any more is copied to where it was."""
        if self._connection is None:
            return self._path
        # What is still in the log beside the path goes into the file, and would spoil another one at the path.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        moved = next((path for path in _open_paths() if _identity(path) == self._made_for), None)
        if moved is not None:
            return moved
        kept = self._path.with_name(f"{self._path.name}.kept-{os.getpid()}")
        with closing(sqlite3.connect(kept)) as copy:
            self._connection.backup(copy)
        return kept


def check_file_claims(path: Path, studies: Iterable[str]) -> None:
    """Refuses early, changing nothing, when another driver of this machine holds one of `studies` in a file.

    Raises:
        StudyHeld: naming the host and process of the holder.
    """
    if (found := _identity(path)) is not None:
        for study in studies:
            _lock(found, study).check()


def _lock(identity: tuple[int, int] | None, study: str) -> StudyLock:
    name = hashlib.sha256(f"{identity} {study}".encode()).hexdigest()[:32]
    return StudyLock(_locks_folder(), study, name=name)


def _locks_folder() -> Path:
    """Returns a folder that all processes of this user have in common, whatever their settings, and nobody else's.

    Raises:
        ValueError: if somebody else made it.
    """
    folder = Path("/tmp") / f"hpo-locks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise ValueError(f"Studies cannot be locked: {folder} is another user's; have it removed.")
    return folder


def _identity(path: Path) -> tuple[int, int] | None:
    """Returns the device and the inode of a file, which all paths to it share; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # opens the file
    return connection


def _open_paths() -> list[Path]:
    """Returns the paths of the files that this process has open, as they are now."""
    links = OPEN_FILES.iterdir() if OPEN_FILES.is_dir() else ()
    return [link.readlink() for link in links if link.is_symlink()]
