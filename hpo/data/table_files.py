"""Which files `data.path` of data=table stands for: one or several, patterns, a folder, or files for each part.

The parts of a folder's files are told by their names, as public data have them; reading is `tabular`'s business.
"""

from __future__ import annotations

import glob
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hpo.data.compressed import inner_name
from hpo.data.tabular import ALLOWED, is_table
from hpo.data.texts import OTHERS_UNLABELLED, PARTS, UNLABELLED
from hpo.machine.paths import expanded

NAMED = {  # what others call the parts
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev", "devel", "development"), "valid"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
    **dict.fromkeys(OTHERS_UNLABELLED, UNLABELLED),
}
ABOUT = re.compile(
    r"readme|license|licence|citation|changelog|notes?|dataset_?infos?|metadata|config|state", re.IGNORECASE
)


@dataclass(frozen=True)
class TableFile:
    """One file: where it is, what errors call it, and the part it is of, where that is said."""

    path: Path
    shown: str
    part: str | None = None


def find_table_files(given: object) -> list[TableFile]:
    """Returns the files of `data.path`, those of train first, each part sorted by path: order of typing is no matter.

    Args:
        given: A path, a pattern, a folder, a list of those, or one of those for each part.

    Raises:
        FileNotFoundError: If a path is not there, or a pattern fits nothing.
        ValueError: If it cannot be told which file is of which part, or a folder holds none.
    """
    if isinstance(given, Mapping):
        return _of_parts(given)
    files = _files(given)
    if len(files) == 1:
        return [replace(files[0], shown=f"data.path={given}") if isinstance(given, str) else files[0]]
    parted = [replace(file, part=part_of(file.path, _root(files))) for file in files]
    found = {file.part for file in parted}
    if "train" not in found or len(found) == 1:
        _refuse_mixed(files)
        return files
    tables = [file for file in parted if file.part or not ABOUT.match(file.path.name)]
    strays = [file for file in tables if file.part is None]
    if strays:
        train = next(file for file in parted if file.part == "train")
        raise ValueError(
            f"{strays[0].shown} is beside {train.path.name}, and of which part it is its name does not say; name the "
            "files, as in 'data.path={train: a.csv, test: b.csv}'."
        )
    return _checked(tables)


def holds_tables(folder: Path) -> bool:
    """Returns whether a folder is one for data=table: it holds tables, or lines by parts; else it is of classes."""
    return any(
        path.is_file() and (is_table(path) or (path.suffix == ".txt" and part_of(path, path.parent)))
        for path in itertools.chain(folder.iterdir(), folder.glob("*/*"))
    )


def part_of(path: Path, root: Path) -> str | None:
    """Returns the part that a file's name, or that of a folder it lies in, tells: test of test-00000-of-00002.parquet.

    Raises:
        ValueError: If it tells two.
    """
    for name in (inner_name(path), *reversed(path.relative_to(root).parts[:-1])):
        words = re.split(r"[^a-z]+", name.lower())
        found = {NAMED[word] for word in words if word in NAMED}
        if len(found) > 1:
            raise ValueError(
                f"data.path has {path.name}, whose name tells two parts ({' and '.join(sorted(found))}); name the "
                "files, as in 'data.path={train: a.csv, test: b.csv}'."
            )
        if found:
            return found.pop()
    return None


def _of_parts(given: Mapping[object, object]) -> list[TableFile]:
    found: dict[str, list[TableFile]] = {}
    for name, paths in given.items():
        part = NAMED.get(str(name).lower())
        if part is None:
            raise ValueError(f"data.path has the part {str(name)!r}; allowed are train, valid, test and unlabelled.")
        if part in found:
            raise ValueError(f"data.path has the part {part} twice; give its files as one list.")
        found[part] = [replace(file, part=part) for file in _files(paths)]
    if "train" not in found:
        raise ValueError("data.path has no part train; give it, as in 'data.path={train: a.csv, test: b.csv}'.")
    return _checked([file for files in found.values() for file in files])


def _checked(files: Sequence[TableFile]) -> list[TableFile]:
    """Returns the files in the order of the parts; refuses one that is in two, and a part in two formats."""
    order = [*PARTS, UNLABELLED]
    seen: dict[Path, TableFile] = {}
    for file in files:
        other = seen.setdefault(file.path.resolve(), file)
        if other is not file:
            raise ValueError(f"{file.shown} is given for both {other.part} and {file.part}; a text is of one part.")
    for part in order:
        _refuse_mixed([file for file in files if file.part == part])
    return sorted(files, key=lambda file: (order.index(file.part or "train"), str(file.path)))


def _refuse_mixed(files: Sequence[TableFile]) -> None:
    """Refuses what is likely the same texts in two formats."""
    kinds = {file.path.name.partition(".")[0]: {} for file in files}  # type: ignore[var-annotated]
    for file in files:
        kinds[file.path.name.partition(".")[0]].setdefault(file.path.parent, []).append(file)
    for folders in kinds.values():
        for same in folders.values():
            if len(same) > 1:
                names = " and ".join(file.path.name for file in same[:3])
                raise ValueError(
                    f"data.path has {names}, which look like the same texts in two formats; name the one to read."
                )


def _files(given: object) -> list[TableFile]:
    """Returns the files of one or several paths, patterns and folders, each once, sorted."""
    paths = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    if not paths or any(path is None or not str(path).strip() for path in paths):
        raise ValueError("data.path is empty; give a file, a folder, or a list of files.")
    found = [file for path in paths for file in _matches(str(path))]
    return sorted({file.path: file for file in found}.values(), key=lambda file: str(file.path))


def _matches(given: str) -> Iterator[TableFile]:
    path = expanded(given).absolute()
    if path.is_dir():
        yield from _in_folder(path, given)
    elif path.exists():
        yield TableFile(path, f"data.path={given}")
    elif glob.has_magic(given):
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # of any depth, and absolute
        files = [Path(match) for match in matches if Path(match).is_file()]
        if not files:
            raise FileNotFoundError(
                f"data.path={given} fits no file; give a pattern that does, or a file that is there."
            )
        yield from (TableFile(file, f"data.path={file}") for file in files)
    else:
        raise FileNotFoundError(f"data.path={given} does not exist; give a file: {ALLOWED}.")


def _in_folder(root: Path, given: str) -> list[TableFile]:
    """Returns the tables of a folder, or, where it has none, its text files."""
    inside = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and not any(part.startswith((".", "~$", "__MACOSX")) for part in path.relative_to(root).parts)
    ]
    tables = [path for path in inside if is_table(path) and not ABOUT.match(path.name)]
    lines = [path for path in inside if inner_name(path).lower().endswith((".txt", ".text", ".label"))]
    lines = [path for path in lines if path.parent == root and not ABOUT.match(path.name)]
    if not tables and not lines:
        raise ValueError(
            f"data.path={given} is a folder without tables ({ALLOWED}); give a file, or use data=folder for a folder "
            "of texts for each class."
        )
    return [TableFile(path, f"data.path={path}") for path in tables or lines]


def _root(files: Sequence[TableFile]) -> Path:
    """Returns the folder that all files lie in, whose own name and those above it tell nothing."""
    parents = [file.path.parent for file in files]
    root = parents[0]
    while not all(parent.is_relative_to(root) for parent in parents):
        root = root.parent
    return root
