"""Where the IMDb reviews lie: `data.path`, fastai's data folder, or, once downloaded, the latter."""

from __future__ import annotations

import configparser
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo.config import ImdbConfig
from hpo.folder import TextFile, existing_folder, part_files
from hpo.tokens import quiet_imports

TIMEOUT_S = 30.0


def find_reviews(config: ImdbConfig) -> list[TextFile]:
    """Returns the files of the published train and test parts, downloading them if need be.

    Raises:
        FileNotFoundError: If they are neither there nor to be had.
        ValueError: If the folder is not laid out as published.
    """
    root = existing_folder(config.path) if config.path else _local_folder() or _download()
    files = []
    for part in ("train", "test"):
        for label in ("neg", "pos"):
            if not (root / part / label).is_dir():
                raise ValueError(
                    f"{root} lacks the folder {part}/{label}; data=imdb expects train/neg, train/pos, test/neg and "
                    "test/pos: complete it, delete it to download anew, or give another folder by data.path=FOLDER."
                )
        files += [file for file in part_files(root / part, root) if file.label in ("neg", "pos")]
    return files


def _local_folder() -> Path | None:
    """Returns the folder `untar_data(URLs.IMDB)` would return at once, found without importing fastai."""
    home = Path(os.getenv("FASTAI_HOME", "~/.fastai")).expanduser().absolute()
    settings = configparser.ConfigParser()
    settings.read(home / "config.ini", encoding="utf8")
    folder = home / settings["DEFAULT"].get("data", "data") / "imdb"
    return folder if folder.is_dir() else None


def _download() -> Path:
    with quiet_imports():
        from fastai.data.external import URLs, untar_data
    try:
        with _socket_timeout():
            return Path(untar_data(URLs.IMDB))
    except Exception as error:  # fastdownload raises bare Exceptions besides those of the network
        raise FileNotFoundError(
            f"data=imdb is neither in fastai's data folder nor to be downloaded ({error}); connect to the network, "
            "give its folder by data.path=FOLDER, or use data=docstrings, which needs neither."
        ) from error


@contextmanager
def _socket_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
