"""Where the package's own files are, and what lies behind a path that somebody gave.

Imports nothing, so that `python -m hpo --help` stays instant; a study's files are `storage`'s.
"""

from __future__ import annotations

from pathlib import Path


def conf_folder() -> Path:
    """Returns the folder of YAML files: inside an installed package, else beside the package."""
    package = Path(__file__).resolve().parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


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
