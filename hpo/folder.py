"""Texts that lie one to a file in folders named after their classes (data=folder, data=imdb)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.config import FolderConfig
from hpo.encoding import decode
from hpo.parts import PARTS
from hpo.paths import expanded
from hpo.texts import Texts

UNLABELLED = "unlabelled"  # a folder of texts beside train, of no class
N_REPORT = 500  # files between two reports


@dataclass(frozen=True)
class TextFile:
    """One text: its file, where it lies in `data.path`, and what that says about it.

    `given` is "train", "valid" or "test" where the folders say so.
    """

    path: Path
    place: str
    label: str
    given: str | None
    size_bytes: int
    changed_ns: int


def find_files(config: FolderConfig) -> list[TextFile]:
    """Returns the files of `data.path`, in a fixed order.

    Either its folders are the classes, or they are train, test and perhaps valid, and hold the
    classes' folders. Hidden files and files beside class folders are no texts.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it has neither layout.
    """
    root = existing_folder(config.path)
    folders = _folders(root)
    if not folders:
        raise ValueError(
            f"data.path={root} holds no folders; expected one folder of text files per class, or train, valid and "
            "test folders of such class folders."
        )
    if not _is_split(folders):
        return [file for folder in folders for file in class_files(folder, root, given=None)]
    folders = [folder for folder in folders if folder.name != UNLABELLED]
    unknown = [folder.name for folder in folders if folder.name not in PARTS]
    if unknown:
        raise ValueError(
            f"data.path={root} has a folder {unknown[0]!r} beside its train folder; allowed there are train, valid, "
            "test and unlabelled: rename it or move it elsewhere."
        )
    return [file for folder in folders for file in part_files(folder, root)]


def unlabelled_files(config: FolderConfig) -> list[TextFile]:
    """Returns the files of the folder `unlabelled` beside the train folder; none where there is none."""
    root = existing_folder(config.path)
    is_there = _is_split(_folders(root)) and (root / UNLABELLED).is_dir()
    return class_files(root / UNLABELLED, root, given=None) if is_there else []


def existing_folder(path: str) -> Path:
    """Returns `data.path` as an absolute path.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is a file.
    """
    root = expanded(path).absolute()
    if not root.exists():
        raise FileNotFoundError(f"data.path={path} does not exist; give the folder that holds the class folders.")
    if not root.is_dir():
        raise ValueError(
            f"data.path={path} is a file; give a folder, or use data=table for a CSV, TSV or Parquet file."
        )
    return root


def part_files(folder: Path, root: Path) -> list[TextFile]:
    """Returns the files of the class folders of a part's folder.

    Raises:
        ValueError: If there is no class folder.
    """
    classes = _folders(folder)
    if not classes:
        raise ValueError(f"{folder} (below data.path={root}) holds no folders; expected one per class.")
    return [file for path in classes for file in class_files(path, root, given=folder.name)]


def class_files(folder: Path, root: Path, *, given: str | None) -> list[TextFile]:
    """Returns all files below a class's folder, sorted by their place.

    Raises:
        ValueError: If there is none.
    """
    files = [
        TextFile(
            path=Path(entry.path),
            place=os.path.relpath(entry.path, root),
            label=folder.name,
            given=given,
            size_bytes=entry.stat().st_size,
            changed_ns=entry.stat().st_mtime_ns,
        )
        for entry in _walk(folder)
    ]
    if not files:
        raise ValueError(f"{folder} (below data.path={root}) holds no files; fill the class's folder or delete it.")
    return sorted(files, key=lambda file: file.place)


def read_files(files: Sequence[TextFile], encoding: str, *, on_file: Callable[[int, int], None]) -> Texts:
    """Returns the texts of `files`, calling `on_file` with (done, total) now and then.

    Raises:
        ValueError: If a file is not in `encoding`.
    """
    texts = []
    for n_read, file in enumerate(files, start=1):
        texts.append(decode(file.path.read_bytes(), encoding, shown=f"{file.place} (below data.path)"))
        if n_read % N_REPORT == 0 or n_read == len(files):
            on_file(n_read, len(files))
    return Texts(
        texts=texts,
        labels=[file.label for file in files],
        places=[file.place for file in files],
        given=None if files[0].given is None else [file.given or "" for file in files],
    )


def files_signature(files: Sequence[TextFile]) -> list[tuple[str, int, int]]:
    """Returns what changes when a file is added, removed or written to."""
    return [(str(file.path), file.size_bytes, file.changed_ns) for file in files]


def _is_split(folders: Sequence[Path]) -> bool:
    """True if a folder "train" holds folders; a class may be called so too."""
    return any(folder.name == "train" and _folders(folder) for folder in folders)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(Path(entry.path))
            elif entry.is_file():
                yield entry
