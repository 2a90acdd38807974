"""The folder prepared corpora are kept in: found by signature, made all or nothing, made anew where they are damaged.

What is in a corpus is `corpus`'s concern.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from hpo.machine.files import sync
from hpo.machine.paths import expanded

MAKING = ".making"
DIGESTS = "digests.json"  # of the files of a folder; those made before it was kept have none, and are trusted


class Cache:
    """Prepared folders under `folder`, safe to share between processes.

    A folder appears complete or not at all: it is written beside its place, synced and renamed.
    Whoever comes second keeps what the first has made, unless its bytes are no longer those that were written.
    """

    def __init__(self, folder: str, *, on_note: Callable[[str], None] = lambda _: None) -> None:
        """Makes the folder and clears what killed preparations have left.

        Args:
            folder: As it was given.
            on_note: Called with a sentence on what is found to be damaged.

        Raises:
            ValueError: If the folder cannot be written.
        """
        self.folder = expanded(folder).absolute()
        self._on_note = on_note
        self._damaged: set[Path] = set()  # each is said once
        try:
            (self.folder / "index").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(_unwritable(folder, error)) from error
        self._clear_abandoned()

    def find(self, signature: str) -> Path | None:
        """Returns the complete folder remembered for `signature`, or None, also where it is damaged."""
        try:
            name = json.loads(self._index(signature).read_text())
        except (OSError, ValueError):
            return None
        folder = self.folder / str(name)
        return folder if self._is_whole(folder) else None

    def remember(self, signature: str, folder: Path) -> None:
        """Lets `find(signature)` return `folder` from now on."""
        temporary = self._index(signature).with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(folder.name))
        temporary.replace(self._index(signature))

    def make(self, name: str, write: Callable[[Path], None]) -> Path:
        """Returns the folder `name`, letting `write` fill it if it is not there or damaged.

        Raises:
            ValueError: If it cannot be written.
        """
        folder = self.folder / name
        if self._is_whole(folder):
            return folder
        temporary = self._temporary()
        try:
            write(temporary)
            (temporary / DIGESTS).write_text(json.dumps(_digests(temporary)))
            _sync_all(temporary)
            self._clear_damaged(folder)
            _rename_once(temporary, folder)
        except OSError as error:
            raise ValueError(_unwritable(str(self.folder), error)) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return folder

    def _is_whole(self, folder: Path) -> bool:
        """Returns whether a folder is there with the bytes that were written; says once what is not."""
        if not folder.is_dir():
            return False
        name = _damaged_file(folder)
        if name and folder not in self._damaged:
            self._damaged.add(folder)
            self._on_note(f"{folder} is damaged ({name} is not what was written); it is made anew.")
        return not name

    def _clear_damaged(self, folder: Path) -> None:
        """Makes way for what was made anew; who has a file of the damaged folder open keeps it."""
        if folder.is_dir() and not self._is_whole(folder):
            aside = self._temporary()
            with suppress(FileNotFoundError):  # another process was faster
                folder.rename(aside / folder.name)
            shutil.rmtree(aside, ignore_errors=True)

    def _temporary(self) -> Path:
        folder = self.folder / f"{owner_name(MAKING)}-{secrets.token_hex(4)}"
        folder.mkdir()  # for whom the umask says
        return folder

    def _index(self, signature: str) -> Path:
        return self.folder / "index" / f"{signature}.json"

    def _clear_abandoned(self) -> None:
        for path in self.folder.glob(f"{MAKING}-*"):
            if is_abandoned(path.name, MAKING):
                shutil.rmtree(path, ignore_errors=True)


def digest(pieces: Iterable[bytes | str]) -> str:
    """Returns 16 hexadecimal digits of the sha256 of `pieces`, each preceded by its length."""
    total = hashlib.sha256()
    for piece in pieces:
        data = piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece
        total.update(len(data).to_bytes(8, "little"))
        total.update(data)
    return total.hexdigest()[:16]


def _digests(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of each file of a folder."""
    found = {}
    for path in folder.iterdir():
        if path.is_file() and path.name != DIGESTS:
            with path.open("rb") as file:
                found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _damaged_file(folder: Path) -> str:
    """Returns the name of a file that is not what was written, or is gone; "" if there is none."""
    try:
        written: dict[str, str] = dict(json.loads((folder / DIGESTS).read_text()))
        found = _digests(folder)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, TypeError):
        return DIGESTS
    return next((name for name in sorted(written) if found.get(name) != written[name]), "")


def owner_name(prefix: str) -> str:
    """Returns a name of this process by which another process of this machine can tell whether it lives."""
    started = int(psutil.Process().create_time())
    return f"{prefix}-{socket.gethostname()}-{os.getpid()}-{started}"


def is_abandoned(name: str, prefix: str) -> bool:
    """Returns whether the process that made the folder `name`, by its `owner_name`, ran on this machine and is gone."""
    host, pid, started, _ = name.removeprefix(f"{prefix}-").rsplit("-", 3)
    if host != socket.gethostname():
        return False
    try:
        seen: float = psutil.Process(int(pid)).create_time()
    except psutil.NoSuchProcess:
        return True
    return abs(seen - int(started)) > 2


def _sync_all(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        sync(path)


def _rename_once(temporary: Path, folder: Path) -> None:
    """Renames, unless another process has been faster."""
    try:
        temporary.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise
    else:
        with suppress(OSError):
            sync(folder.parent)


def _unwritable(folder: str, error: OSError) -> str:
    return f"data.cache={folder} cannot be written ({error.strerror or error}); make room or give data.cache=FOLDER."
