"""Locks between processes: one driver a study, one creator a database.

Each is a `flock`: the kernel lets go of it when its holder dies.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from hpo.machine.paths import HINT

FOLDER_TIMEOUT_S = 60.0
HELD = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)  # the last over NFS; all else says that there are no locks


class StudyHeld(Exception):
    """Another driver works on this study; the sentence names it.

    Args:
        study: The study.
        process, host: Of the driver, as far as they are known.
    """

    def __init__(self, study: str, process: object = None, host: str = "") -> None:
        who = f"process {process} on {host}" if host else "another process"
        super().__init__(f"Study '{study}' is held by {who}; wait for it, stop it, or choose another study.name.")


class StudyLock:
    """Held from `with` to its end; the file names the holder, and goes with it unless it was killed."""

    def __init__(self, folder: Path, study: str, *, name: str = "lock") -> None:
        self._path = folder / name
        self._study = study
        self._file: int | None = None

    def check(self) -> None:
        """Refuses early, creating nothing, when another driver holds the lock.

        Raises:
            StudyHeld: naming the host and process of the holder.
            ValueError: if nothing can be locked there.
        """
        if self._path.exists():
            os.close(self._take(is_checking=True))

    def __enter__(self) -> StudyLock:
        """Takes the lock.

        Raises:
            StudyHeld: at once, naming the host and process of the holder.
            ValueError: if nothing can be locked there.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._take()
        os.ftruncate(file, 0)
        os.write(file, json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode())
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            if self.is_in_place:  # another driver's lies there if this one's was taken away
                self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    @property
    def is_in_place(self) -> bool:
        """Whether it still excludes others: held, its file where they look for it."""
        return self._file is not None and self._is_in_place(self._file)

    def ensure(self) -> None:
        """Takes the lock again if its file was taken away, which excludes nobody any more.

        Raises:
            StudyHeld: if another driver was faster.
        """
        if self._file is not None and not self.is_in_place:
            os.close(self._file)
            self._file = None
            self.__enter__()

    def _take(self, *, is_checking: bool = False) -> int:
        while True:
            file, is_writable = self._open()
            try:
                self._lock(file)
                is_held = self._is_in_place(file)  # not if its holder took it away in between: that excludes nobody
                if is_held and not is_writable and not is_checking:
                    self._path.unlink()  # another user's, who is dead
                    is_held = False
            except BaseException:
                os.close(file)
                raise
            if is_held:
                return file
            os.close(file)

    def _open(self) -> tuple[int, bool]:
        """Returns the open file and whether it can be written: in a shared folder it may be another user's."""
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666), True
        except PermissionError as error:
            with suppress(OSError):
                return os.open(self._path, os.O_RDONLY), False
            raise ValueError(
                f"Study '{self._study}' cannot be locked: {self._path} cannot be opened ({error.strerror}); ask whose "
                "it is to end that study or to share the folder, or choose another study.name."
            ) from error

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in HELD:
                raise self._held() from error
            raise ValueError(
                f"Study '{self._study}' cannot be locked: the file system of {self._path} gives no locks "
                f"({error.strerror}); switch them on there, or keep studies on another one by storage.folder=FOLDER. "
                f"{HINT}"
            ) from error

    def _is_in_place(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _held(self) -> StudyHeld:
        try:
            holder = json.loads(self._path.read_text())
            return StudyHeld(self._study, holder["pid"], holder["host"])
        except (OSError, ValueError, KeyError):
            return StudyHeld(self._study)


def check_locks(folder: Path) -> None:
    """Refuses a folder whose file system gives no locks, or gives one to everybody; leaves nothing behind.

    Whether they exclude other machines, too, is not found out here.

    Raises:
        ValueError: saying so.
        OSError: if nothing can be written there.
    """
    refusal = f"The file system of {folder} {{}}; keep studies on another one by storage.folder=FOLDER."
    with TemporaryDirectory(dir=folder, prefix=".hpo-") as temporary:
        path = Path(temporary) / "lock"
        with path.open("w") as first, path.open("w") as second:
            try:
                fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise ValueError(refusal.format(f"gives no locks ({error.strerror})")) from error
            with suppress(BlockingIOError):
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
                raise ValueError(refusal.format("gives one lock to two"))


@contextmanager
def folder_locked(folder: Path) -> Iterator[None]:
    """Holds a lock on `folder` itself, which leaves no file behind.

    Optuna and MLflow create their tables unguarded: two first users at once break each other.

    Raises:
        TimeoutError: if another process holds it for a minute.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _wait_for_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int) -> None:
    deadline = time.monotonic() + FOLDER_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
    raise TimeoutError("another process has been creating tables in this folder for a minute")
