"""Texts that lie one to a file in folders named after their classes (data=folder, data=imdb)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from hpo.config.limits import MISSING, share
from hpo.config.registry import option
from hpo.config.schema import DataConfig, quiet
from hpo.data.encodings import decode
from hpo.data.line_files import find_line_files, lines_source
from hpo.data.sources import OnRead, Source
from hpo.data.texts import OTHERS_UNLABELLED, PARTS, UNLABELLED, Texts
from hpo.machine.paths import as_name, expanded

OTHERS_PARTS = {*PARTS, "training", "trn", "validation", "val", "dev", "devel", "development", "testing", "tst", "eval"}
OTHERS_PARTS |= {"evaluation", "holdout", *OTHERS_UNLABELLED}
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


@option("data", "folder")
@dataclass
class FolderConfig(DataConfig):
    path: str = MISSING
    encoding: str = MISSING
    files: str = MISSING
    test: float = share()

    @property
    def subject(self) -> str:
        return as_name(Path(self.path).absolute().name)

    def open(self, on_download: OnRead = quiet) -> Source:
        shown, lines = f"data.path={self.path}", find_line_files(existing_folder(self.path))
        if lines:
            return lines_source(self.option, shown, lines, self.encoding)
        return files_source(self.option, shown, find_files(self), self.encoding)

    def open_unlabelled(self) -> Source | None:
        files = unlabelled_files(self)
        return files_source(self.option, UNLABELLED, files, self.encoding) if files else None


def files_source(kind: str, shown: str, files: Sequence[TextFile], encoding: str) -> Source:
    """Returns the source of texts that lie one to a file; see `Source`."""
    return Source(
        kind=kind,
        shown=shown,
        signature={"files": files_signature(files)},
        read=lambda on_read: read_files(files, encoding, on_file=on_read),
    )


def find_files(config: FolderConfig) -> list[TextFile]:
    """Returns the files of `data.path`, in a fixed order.

    Either its folders are the classes, or they are train, test and perhaps valid, and hold the
    classes' folders. Hidden files and files beside class folders are no texts.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it has neither layout, or a link in it leads nowhere.
    """
    root = existing_folder(config.path)
    folders = _folders(root)
    if not folders:
        raise ValueError(f"data.path={root} holds no folders; expected one per class, or train and test of those.")
    parts = _parts(folders, root)
    if not parts:
        _refuse_parts(folders, root)
        return [file for folder in folders for file in class_files(folder, root, given=None, pattern=config.files)]
    parts.pop(UNLABELLED, None)
    unknown = [folder.name for part, folder in parts.items() if part not in PARTS]
    if unknown:
        raise ValueError(
            f"data.path={root} has a folder {unknown[0]!r} beside its train folder; allowed there are train, valid, "
            "test and unlabelled: rename it or move it elsewhere."
        )
    _refuse_missing_classes(parts, root)
    of_parts = [part_files(folder, root, part=part, pattern=config.files) for part, folder in parts.items()]
    return [file for files in of_parts for file in files]


def unlabelled_files(config: FolderConfig) -> list[TextFile]:
    """Returns the files of the folder `unlabelled` beside the train folder; none where there is none."""
    root = existing_folder(config.path)
    folder = _parts(_folders(root), root).get(UNLABELLED)
    return class_files(folder, root, given=None, pattern=config.files) if folder else []


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
        raise ValueError(f"data.path={path} is a file; give a folder, or use data=table for a table (CSV, Excel, ...).")
    return root


def part_files(folder: Path, root: Path, *, part: str, pattern: str) -> list[TextFile]:
    """Returns the files of the class folders of a part's folder.

    An empty class folder of the valid or test part says that the part has no text of that class.

    Raises:
        ValueError: If there is no class folder, or no file.
    """
    classes = _folders(folder)
    if not classes:
        raise ValueError(f"{folder} (below data.path={root}) holds no folders; expected one per class.")
    filled = [path for path in classes if part == "train" or any(_walk(path))]
    found = [class_files(path, root, given=part, pattern=pattern) for path in filled]
    if not found:
        raise ValueError(f"{folder} (below data.path={root}) holds no files; fill its class folders or delete it.")
    return [file for files in found for file in files]


def class_files(folder: Path, root: Path, *, given: str | None, pattern: str = "*") -> list[TextFile]:
    """Returns the files below a class's folder whose names fit a pattern, sorted by their place.

    Raises:
        ValueError: If there is none, a link leads nowhere, or a text seems to be there in two formats.
    """
    _refuse_undecodable(folder, root)
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
        if fnmatch(entry.name, pattern)
    ]
    if not files:
        like = "" if pattern == "*" else f" like data.files={pattern}"
        raise ValueError(
            f"{folder} (below data.path={root}) holds no files{like}; fill the class's folder or delete it."
        )
    _refuse_twins(files)
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


def _parts(folders: Sequence[Path], root: Path) -> dict[str, Path]:
    """Returns the folders of the parts by their names in small letters; {} where the folders are classes.

    They are parts if "train" holds folders; a class may be called so too.
    """
    if not any(folder.name.lower() == "train" and _folders(folder) for folder in folders):
        return {}
    parts: dict[str, Path] = {}
    for folder in folders:
        other = parts.setdefault(folder.name.lower(), folder)
        if other != folder:
            raise ValueError(f"data.path={root} has both {other.name} and {folder.name}, one part twice; join them.")
    return parts


def _refuse_parts(classes: Sequence[Path], root: Path) -> None:
    """Refuses parts that would be read as classes: a classifier that tells train from test is of no use."""
    names = [folder.name for folder in classes]
    suspects = [name for name in names if _is_like_a_part(name)]
    if suspects == names or {name.lower() for name in names} >= {"train", "test"}:
        raise ValueError(
            f"data.path={root} holds the folders {', '.join(suspects)}, which look like parts of the data, not like "
            "classes; name the parts train, test and, if there is one, valid, and let each hold a folder per class, "
            "or rename the folders if they are classes."
        )
    for name in names:
        _refuse_unlabelled(name, root)


def _is_like_a_part(name: str) -> bool:
    """True of `20news-bydate-train`, `Testing` and `dev_set`."""
    words = re.split(r"[-_. ]+", name.lower())
    return bool({words[0], words[-1]} & OTHERS_PARTS)


def _refuse_missing_classes(parts: Mapping[str, Path], root: Path) -> None:
    """Refuses what the train part has for a class and another part does not know.

    Texts without labels lie there in some published data; and a test without a class says nothing of it.
    """
    classes = {part: {path.name for path in _folders(folder)} for part, folder in parts.items()}
    for name in sorted(classes["train"]):
        _refuse_unlabelled(f"{parts['train'].name}/{name}", root)
    for part in PARTS[1:]:
        missing = sorted(classes["train"] - classes.get(part, classes["train"]))
        if missing and classes[part]:
            raise ValueError(
                f"data.path={root} has {parts['train'].name}/{missing[0]} and no {parts[part].name}/{missing[0]}; "
                f"give the {part} part texts of that class, or make the folder and leave it empty if there are none."
            )


def _refuse_unlabelled(place: str, root: Path) -> None:
    if Path(place).name.lower() in OTHERS_UNLABELLED:
        raise ValueError(
            f"data.path={root} has {place}, which looks like texts without labels, not like a class; move it to "
            f"{UNLABELLED}, beside a train folder that holds the classes, or rename it if it is a class."
        )


def _folders(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for path in found:
        _refuse_broken_link(path)
    return [path for path in found if path.is_dir()]


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(Path(entry.path))
            elif entry.is_file():
                yield entry
            elif entry.is_symlink():
                _refuse_broken_link(Path(entry.path))


def _refuse_twins(files: Sequence[TextFile]) -> None:
    """Refuses texts beside what is said of them, as 1.txt and 1.json: both would be read as texts."""
    texts = {file.path.with_suffix("") for file in files if file.path.suffix == ".txt"}
    twin = next((f.place for f in files if f.path.suffix not in (".txt", "") and f.path.with_suffix("") in texts), "")
    if twin:
        raise ValueError(f"{twin} (below data.path) is beside a .txt of that name; name texts by 'data.files=*.txt'.")


def _refuse_undecodable(folder: Path, root: Path) -> None:
    """Refuses a class whose name cannot be written down, as archives from other systems have them."""
    shown = os.fsencode(folder.name).decode("utf-8", "backslashreplace")
    if shown != folder.name:
        raise ValueError(
            f"data.path={root} has a class folder '{shown}', whose name is not UTF-8; rename it (convmv -f cp1252 "
            "renames whole archives)."
        )


def _refuse_broken_link(path: Path) -> None:
    """Refuses a link to what is not there, as git-annex and DVC leave for files that were not fetched."""
    if path.is_symlink() and not path.exists():
        raise ValueError(
            f"{path} (below data.path) is a link to {path.readlink()}, which is not there; fetch it (git annex get, "
            "dvc pull), or delete the link."
        )
