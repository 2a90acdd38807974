"""Where the package's own files are, and what lies behind a path that somebody gave.

Imports nothing, so that `hpo --help` stays instant; a study's files are `storage`'s.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

HINT = "hpo doctor tells more."  # ends sentences on what is wrong with the machine, not with what was typed
MAX_FILE_BYTES = 240  # of 255: SQLite and atomic writes append something
MAX_QUOTED = 200
_MARKED = re.compile(r"-[0-9a-f]{10}$|[. ]$")  # what looks like a name that was made, or is cut off by some systems


def conf_folder() -> Path:
    """Returns the folder of YAML files: inside an installed package, else beside the package."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


def working_conf() -> Path | None:
    """Returns the working directory's own conf/, if it has one that could hold options; not ours."""
    folder = Path("conf").absolute()
    is_ours = is_folder(folder) and folder.resolve() == conf_folder().resolve()
    hides_types = (folder / "schema").exists() or (folder / "base_config.yaml").exists()
    return folder if is_folder(folder) and not is_ours and not hides_types else None


def expanded(text: str) -> Path:
    """Returns the path that a user gave, `~` replaced by the home folder of a user there is."""
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:  # ~nobody, who may as well be a file of that name
        return path


def is_file(path: str | Path) -> bool:
    """Returns whether `path`, whatever text it is, names a file that is there."""
    try:
        return Path(path).is_file()
    except OSError:  # too long a name
        return False


def is_folder(path: Path) -> bool:
    """Returns whether `path` is a folder that is there."""
    try:
        return path.is_dir()
    except OSError:
        return False


def check_file(setting: str, path: Path, *, example: str) -> None:
    """Refuses a file that cannot be written; leaves nothing behind.

    Args:
        setting: How the user gave it, for the sentence.
        path: The file, there or not.
        example: How one is given.

    Raises:
        ValueError: naming what is in the way.
    """
    _check_name(setting, path)
    if len(os.fsencode(path.name)) > MAX_FILE_BYTES:
        raise ValueError(f"{setting} is too long a name for a file; give one of {MAX_FILE_BYTES} bytes at most.")
    check_folder(setting, path.parent)
    if path.name in ("", "..") or not path.name.strip() or (path.exists() and not path.is_file()):
        raise ValueError(f"{setting} names no file that can be written; give one, as in {example}.")


def check_folder(setting: str, folder: Path) -> None:
    """Refuses a folder that cannot be made or written to; leaves nothing behind.

    Args:
        setting: How the user gave it, for the sentence: "reports=here".
        folder: The folder.

    Raises:
        ValueError: naming what is in the way.
    """
    _check_name(setting, folder)
    there = folder
    try:
        there = nearest_folder(folder)
        TemporaryDirectory(dir=there, prefix=".hpo-").cleanup()  # root may write anywhere but in /proc
    except OSError as error:
        raise ValueError(f"{setting} cannot be written: {there} takes no folder ({error.strerror}).") from error


def nearest_folder(path: Path) -> Path:
    """Returns what is there of a path that is to be made: itself, or the nearest folder that holds its place."""
    return next(there for there in (path, *path.absolute().parents) if there.exists())


def _check_name(setting: str, path: Path) -> None:
    """Refuses what YAML can hold and no path can: null bytes, halves of characters."""
    try:
        is_name = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        is_name = False
    if not is_name:
        raise ValueError(f"{setting} cannot be written: it holds a character that no name of a file can.")


def os_sentence(error: OSError) -> str:
    """Returns what the system refused, without its number."""
    if error.strerror is None or error.filename is None:
        return str(error)
    return f"{error.filename} cannot be used: {error.strerror}."


def file_name(text: str) -> str:
    """Returns the name of a file or folder for `text`, whatever it holds: another text has another name.

    A text that is a short name by itself is its own; of others, what is left of it ends in a part of its hash. No
    name takes more than 200 signs where it is quoted in an address, whose readers allow 255, ending included.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    name = as_name(text)
    if name == text and _n_quoted(name) <= MAX_QUOTED and not _MARKED.search(name):
        return name
    while _n_quoted(name) > MAX_QUOTED - len(digest) - 1:
        name = name[:-1]
    return f"{name}-{digest}"


def _n_quoted(name: str) -> int:
    return len(quote(name, safe="", errors="replace"))


def as_name(text: str) -> str:
    """Returns `text` as the name of a file anywhere."""
    shown = "".join(c if c.isprintable() else "_" for c in text)
    return re.sub(r'[/\\:*?"<>|]+', "_", shown).lstrip(".-") or "study"
