"""Texts that lie one to a line, in a file for each class, as in rt-polarity.pos and rt-polarity.neg."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hpo.data.encodings import decode
from hpo.data.labelled_lines import split_lines
from hpo.data.sources import OnRead, Source
from hpo.data.table_files import ABOUT, part_of
from hpo.data.tabular import is_table
from hpo.data.texts import Texts


def find_line_files(root: Path) -> dict[str, Path]:
    """Returns the file of each class in a folder that holds nothing else; {} where it holds folders, or none of them.

    What all names begin or end with is no part of a class's name.

    Raises:
        ValueError: If the files are tables, or parts of the data.
    """
    there = sorted(path for path in root.iterdir() if not path.name.startswith(".") and not ABOUT.match(path.name))
    if len(there) < 2 or any(path.is_dir() for path in there):
        return {}
    if all(is_table(path) or part_of(path, root) for path in there):
        raise ValueError(
            f"data.path={root} holds {there[0].name}, no folder for each class; use data=table for files of rows."
        )
    words = [re.split(r"[._ -]+", path.name) for path in there]
    first, last = _n_common(words), _n_common([each[::-1] for each in words])
    return {".".join(each[first : len(each) - last]): path for each, path in zip(words, there, strict=True)}


def lines_source(kind: str, shown: str, files: dict[str, Path], encoding: str) -> Source:
    """Returns the source of texts that lie one to a line; see `Source`."""
    status = [(str(path), path.stat()) for path in files.values()]
    signature = {"lines": [(path, found.st_size, found.st_mtime_ns) for path, found in status]}
    return Source(kind, shown, signature, lambda on_read: _read(files, encoding, on_read))


def _read(files: dict[str, Path], encoding: str, on_read: OnRead) -> Texts:
    texts, labels, places = [], [], []
    for n_read, (label, path) in enumerate(files.items(), start=1):
        content = decode(path.read_bytes(), encoding, shown=f"{path.name} (in data.path)")
        for number, line in split_lines(content):
            texts.append(line)
            labels.append(label)
            places.append(f"line {number} of {path.name}")
        on_read(n_read, len(files))
    return Texts(texts, labels, places)


def _n_common(names: Sequence[Sequence[str]]) -> int:
    """Returns how many words all names begin with, and leaves each at least one."""
    shortest = min(map(len, names)) - 1
    return next((i for i in range(shortest) if len({name[i] for name in names}) > 1), shortest)
