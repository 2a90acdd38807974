"""Locks between processes: one driver a study, one creator a database.

Each is a `flock`: the kernel lets go of it when its holder dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

FOLDER_TIMEOUT_S = 60.0


class StudyHeld(Exception):
    """Another driver works on this study."""


class StudyLock:
    """Held from `with` to its end; the file names the holder, and goes with it unless it was killed."""

    def __init__(self, folder: Path, study: str) -> None:
        self._path = folder / "lock"
        self._study = study
        self._file: int | None = None

    def check(self) -> None:
        """Refuses early, creating nothing, when another driver holds the lock.

        Raises:
            StudyHeld: naming the host and process of the holder.
        """
        if self._path.exists():
            os.close(self._take())

    def __enter__(self) -> StudyLock:
        """Takes the lock.

        Raises:
            StudyHeld: at once, naming the host and process of the holder.
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
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def _take(self) -> int:
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(file)
                raise StudyHeld(self._refusal()) from error
            if self._is_in_place(file):
                return file
            os.close(file)  # its holder took it away in between: a lock on it would exclude nobody

    def _is_in_place(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _refusal(self) -> str:
        try:
            holder = json.loads(self._path.read_text())
            who = f"process {holder['pid']} on {holder['host']}"
        except (OSError, ValueError, KeyError):
            who = "another process"
        return f"Study '{self._study}' is held by {who}; wait for it, stop it, or choose another study.name."


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
