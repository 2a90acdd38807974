"""Files below a URL that fsspec knows: s3://, gs://, file:// and so on; a store that is away is waited for a while.

What of a trial is kept there is `artifacts.remote`'s business. fsspec is imported where a URL was given, and only then.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4

from hpo.machine.errors import first_line
from hpo.machine.files import lack_of_room
from hpo.machine.patience import Patience
from hpo.machine.secrets import COVER, mask
from hpo.machine.signals import MustPause, never

T = TypeVar("T")
PATIENCE_S = 30.0
LOCAL = ("file", "local")
FLAT = ("s3", "s3a", "gs", "gcs", "az", "abfs", "adl", "oss", "oci", "tos")  # they know no empty folders
# What waiting does not mend: rights, names, kinds of stores that take no files.
_LASTING = (
    PermissionError,
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    NotImplementedError,
    ValueError,
    TypeError,
)
EXAMPLES = "as in s3://BUCKET/studies, gs://BUCKET/studies or file:///SHARED/studies"


class RemoteAway(Exception):
    """A remote folder cannot be used; the sentence says why, `reason` in a few words.

    `is_lasting`: it will not be there by itself.
    """

    def __init__(self, url: str, reason: str, *, is_lasting: bool) -> None:
        host = socket.gethostname()
        super().__init__(f"{url} cannot be used from {host} ({reason}); mend that, and the same command goes on.")
        self.reason, self.is_lasting = reason, is_lasting


def is_remote(folder: str) -> bool:
    """Returns whether `storage.folder` is a URL."""
    return "://" in folder


def check_remote(url: str) -> None:
    """Refuses a `storage.folder` that cannot keep files: writes one, reads it, and leaves nothing.

    Raises:
        ValueError: if it is no such folder, naming what to give.
        RemoteAway: if it might be one later.
    """
    _check_form(url)
    remote, name, content = RemoteFolder(url, must_stop=lambda: True), f"hpo-{uuid4().hex}", b"hpo"
    with TemporaryDirectory() as folder:
        given, found = Path(folder) / "given", Path(folder) / "found"
        given.write_bytes(content)
        try:
            remote.put(given, name)
            is_kept = remote.get(name, found) and found.read_bytes() == content
            remote.delete(name)
        except RemoteAway as away:
            if away.is_lasting:
                raise ValueError(
                    f"storage.folder={url} takes no files here ({away.reason}); give another, {EXAMPLES}."
                ) from away
            raise
    if not is_kept:
        raise ValueError(f"storage.folder={url} does not give back what was written there; give another, {EXAMPLES}.")


class RemoteFolder:
    """The files below a URL, by their path from there.

    Args:
        url: Of the folder; it need not exist.
        must_stop: Asked while a store is waited for: whether that is over.
    """

    def __init__(self, url: str, *, must_stop: MustPause = never) -> None:
        self.url = url
        self._must_stop = must_stop
        self._kind = url.partition("://")[0]
        self._opened: tuple[Any, str] | None = None  # fsspec is untyped

    def names(self, below: str = "") -> list[str]:
        """Returns the paths of all files, or of those in a folder, sorted."""

        def find(files: Any, root: str) -> list[str]:
            files.invalidate_cache()
            try:
                return sorted(str(path)[len(root) :].lstrip("/") for path in files.find(f"{root}/{below}".rstrip("/")))
            except FileNotFoundError:
                return []

        return self._endure(find)

    def put(self, source: Path, name: str) -> None:
        """Writes or replaces a file; whoever is killed meanwhile may leave a part of it."""

        def write(files: Any, root: str) -> None:
            if self._kind not in (*FLAT, *LOCAL):
                with suppress(FileNotFoundError):
                    _remove(files, f"{root}/{name}")  # FTP servers append to what is there
            files.put_file(str(source), f"{root}/{name}")

        self._endure(write)

    def get(self, name: str, target: Path) -> bool:
        """Brings a file here, whole or not at all; returns whether it was there."""
        partial = target.with_name(f".{target.name}")

        def read(files: Any, root: str) -> bool:
            try:
                _get(files, f"{root}/{name}", partial)
            except FileNotFoundError:
                return False
            partial.replace(target)
            return True

        try:
            return self._endure(read)
        finally:
            partial.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        """Removes a file, if it is there."""

        def remove(files: Any, root: str) -> None:
            with suppress(FileNotFoundError):
                _remove(files, f"{root}/{name}")

        self._endure(remove)

    def delete_empty(self, name: str) -> None:
        """Removes a folder that has nothing in it, where there are such folders."""
        if self._kind not in FLAT:

            def remove(files: Any, root: str) -> None:
                with suppress(Exception):  # it is not empty, or not there; nobody minds one that is left
                    files.rmdir(f"{root}/{name}")

            self._endure(remove)

    def _endure(self, call: Callable[[Any, str], T]) -> T:
        """Returns what `call` returns, once the store is there.

        Raises:
            RemoteAway: if waiting is of no use, was long enough, or is over.
            OSError: if the disk here, or a folder behind file://, is full.
        """
        patience = Patience(PATIENCE_S, self._must_stop)
        while True:
            try:
                if self._opened is None:
                    self._opened = _open(self.url)
                return call(*self._opened)
            except Exception as error:  # each kind of store has its own
                if lack_of_room(error):
                    raise
                self._opened = None
                is_lasting = isinstance(error, (*_LASTING, ImportError)) or getattr(error, "errno", None) == errno.EROFS
                if is_lasting or not patience.pause():
                    raise RemoteAway(self.url, mask(_reason(error)), is_lasting=is_lasting) from error


def _check_form(url: str) -> None:
    shown, protocol, rest = mask(url), *url.split("://", 1)
    if shown != url or COVER.search(url):
        raise ValueError(
            f"storage.folder={shown} has a user or a password in it, which every worker and the record would get; give "
            "it without, and let each machine have its own: from what the store's tools read, or fsspec's environment "
            f"variables, as in FSSPEC_{protocol.upper()}_USERNAME."
        )
    if protocol == "memory":
        raise ValueError(f"storage.folder={url} is gone with its process; give one that is kept, {EXAMPLES}.")
    if "::" in url or not rest.strip("/") or (protocol in LOCAL and not rest.startswith("/")):
        raise ValueError(f"storage.folder={url} names no folder that every machine understands; give one, {EXAMPLES}.")
    from fsspec.registry import get_filesystem_class

    try:
        get_filesystem_class(protocol)
    except ImportError as error:
        raise ValueError(_lacking(error, f"storage.folder={url}")) from error
    except ValueError as error:
        raise ValueError(
            f"storage.folder={url} is of a kind, {protocol}, that fsspec does not know; give one that it does, "
            f"{EXAMPLES}, or a folder."
        ) from error


def _open(url: str) -> tuple[Any, str]:
    """Returns the file system behind a URL, and the path of the URL there."""
    from fsspec.core import url_to_fs

    options = {"auto_mkdir": True} if url.partition("://")[0] in LOCAL else {}
    files, root = url_to_fs(url, skip_instance_cache=True, **options)
    return files, str(root).rstrip("/")


def _get(files: Any, path: str, target: Path) -> None:
    """Brings a file here.

    Raises:
        FileNotFoundError: if it is not there.
    """
    with _telling_missing(files, path):
        files.get_file(path, str(target))


def _remove(files: Any, path: str) -> None:
    """Removes a file.

    Raises:
        FileNotFoundError: if it is not there.
    """
    with _telling_missing(files, path):
        files.rm_file(path)


@contextmanager
def _telling_missing(files: Any, path: str) -> Iterator[None]:
    """Says of a file that is not there that it is not; some kinds of stores say something else."""
    try:
        yield
    except Exception:
        files.invalidate_cache()
        files.info(path)
        raise


def _lacking(error: ImportError, what: str) -> str:
    """Returns what to install; fsspec itself says it in many ways."""
    cause = error.__cause__
    name = (cause.name if isinstance(cause, ImportError) else error.name) or ""
    package = name.partition(".")[0]
    if not package:
        return f"{what} cannot be used: {str(error).rstrip('.')}."
    return (
        f"{what} needs the package {package}; pip install {package} installs it, here and on every "
        "machine with workers."
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ImportError):
        return _lacking(error, "it").rstrip(".")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return first_line(error)
