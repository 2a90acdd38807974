"""Where the IMDb reviews lie: `data.path`, fastai's data folder, or, once downloaded, the latter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpo.config.limits import MISSING
from hpo.config.registry import option
from hpo.config.schema import DataConfig, quiet
from hpo.data.folder import TextFile, class_files, existing_folder, files_source
from hpo.data.sources import OnRead, Source
from hpo.machine.download import Archive, OnBytes, download, fastai_folder, unpack

ARCHIVE = Archive(  # fastai.data.external.URLs.IMDB, and what fastai/data/download_checks.py says of it
    url="https://s3.amazonaws.com/fast-ai-nlp/imdb.tgz",
    size_bytes=144_440_600,
    head_md5="90f9b1c4ff43a90d67553c9240dc0249",
    advice="give its folder by data.path=FOLDER, or use data=docstrings, which needs neither",
)


@option("data", "imdb")
@dataclass
class ImdbConfig(DataConfig):
    path: str | None = None
    encoding: str = MISSING

    def open(self, on_download: OnRead = quiet) -> Source:
        shown = f"data.path={self.path}" if self.path else "data=imdb"
        return files_source(self.option, shown, find_reviews(self, on_download), self.encoding)

    def open_unlabelled(self) -> Source | None:
        files = unlabelled_reviews(self)
        return files_source(self.option, "unsup", files, self.encoding) if files else None


def find_reviews(config: ImdbConfig, on_bytes: OnBytes = quiet) -> list[TextFile]:
    """Returns the files of the published train and test parts, downloading them if need be.

    Args:
        config: Where they are, if they are not where fastai keeps them.
        on_bytes: Told how far a download is.

    Raises:
        FileNotFoundError: If they are neither there nor to be had.
        ValueError: If the archive is not the published one, or the folder not laid out as published.
    """
    root = existing_folder(config.path) if config.path else _local_folder() or _download(on_bytes)
    files: list[TextFile] = []
    for part in ("train", "test"):
        for label in ("neg", "pos"):
            if not (root / part / label).is_dir():
                raise ValueError(
                    f"{root} lacks the folder {part}/{label}; data=imdb expects train/neg, train/pos, test/neg and "
                    "test/pos: complete it, delete it to download anew, or give another folder by data.path=FOLDER."
                )
            files += class_files(root / part / label, root, given=part)
    return files


def unlabelled_reviews(config: ImdbConfig) -> list[TextFile]:
    """Returns the files of the published reviews without labels, where they lie beside the others.

    fastai's archive has them in unsup, the one of Stanford's that it was made of in train/unsup.
    """
    root = existing_folder(config.path) if config.path else _local_folder()
    if root is None:
        return []
    folders = [folder for folder in (root / "unsup", root / "train" / "unsup") if folder.is_dir()]
    return [file for folder in folders for file in class_files(folder, root, given=None)]


def _local_folder() -> Path | None:
    """Returns the folder `untar_data(URLs.IMDB)` would return at once."""
    folder = fastai_folder("data") / "imdb"
    return folder if folder.is_dir() else None


def _download(on_bytes: OnBytes) -> Path:
    """Downloads the archive where fastai would, unless it is there, and unpacks it where fastai would."""
    on_bytes(0, ARCHIVE.size_bytes)  # whoever will not have it says so now
    folder = fastai_folder("data") / "imdb"
    archive = fastai_folder("archive") / "imdb.tgz"
    if not archive.is_file():
        try:
            download(ARCHIVE, archive, on_bytes)
        except OSError as error:
            raise FileNotFoundError(
                f"data=imdb is neither in fastai's data folder nor to be downloaded ({error}); connect to the network, "
                f"{ARCHIVE.advice}."
            ) from error
    unpack(ARCHIVE, archive, folder)
    return folder
