"""The sources of texts: one per option of the `data` group.

A source says cheaply what its texts depend on, and reads them when asked. Splitting, tokens and
the cache are `splits`, `tokens` and `corpus`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hpo.config.schema import DataConfig, DocstringsConfig, FolderConfig, ImdbConfig, TableConfig
from hpo.data.docstrings import docstring_versions, read_docstrings
from hpo.data.folder import UNLABELLED, TextFile, files_signature, find_files, read_files, unlabelled_files
from hpo.data.imdb import find_reviews, unlabelled_reviews
from hpo.data.table import existing_file, read_table, read_unlabelled_rows
from hpo.data.texts import Texts

OnRead = Callable[[int, int], None]


@dataclass(frozen=True)
class Source:
    """Where texts come from.

    Attributes:
        kind: The option of the `data` group.
        shown: What errors call it, with its config path: "data.path=reviews.csv".
        signature: Whatever changes when the texts may have changed, known without reading them.
        read: Reads the texts, calling its argument with (done, total).
    """

    kind: str
    shown: str
    signature: Mapping[str, object]
    read: Callable[[OnRead], Texts]


def open_source(config: DataConfig, *, on_download: OnRead = lambda _done, _total: None) -> Source:
    """Returns the source `config` describes; nothing is read yet.

    Args:
        config: The section `data`.
        on_download: Called with (done, total) while something has to be downloaded first.

    Raises:
        ValueError: If a package or a setting is not what it must be.
        FileNotFoundError: If a path is not there.
    """
    match config:
        case DocstringsConfig():
            return _docstrings(config)
        case ImdbConfig():
            shown = f"data.path={config.path}" if config.path else "data=imdb"
            return _files("imdb", shown, find_reviews(config, on_download), config)
        case FolderConfig():
            return _files("folder", f"data.path={config.path}", find_files(config), config)
        case TableConfig():
            return _table(config)
        case _:
            raise ValueError(f"data is a {type(config).__name__}; allowed are docstrings, imdb, folder and table.")


def open_unlabelled_source(config: DataConfig) -> Source | None:
    """Returns the source of the texts without labels that come with the data; None where there can be none.

    They are IMDb's folder unsup, the folder unlabelled beside train, the rows whose split is "unlabelled".
    """
    match config:
        case ImdbConfig():
            files = unlabelled_reviews(config)
            return _files("imdb", "unsup", files, config) if files else None
        case FolderConfig():
            files = unlabelled_files(config)
            return _files("folder", UNLABELLED, files, config) if files else None
        case TableConfig(split_column=str()):
            return replace(_table(config), read=lambda _: read_unlabelled_rows(config))
        case _:
            return None


def _docstrings(config: DocstringsConfig) -> Source:
    return Source(
        kind="docstrings",
        shown=f"data.packages={list(config.packages)}",
        signature={"versions": docstring_versions(config), "python": sys.version_info[:2]},
        read=lambda on_read: read_docstrings(config, on_file=on_read),
    )


def _files(kind: str, shown: str, files: Sequence[TextFile], config: ImdbConfig | FolderConfig) -> Source:
    return Source(
        kind=kind,
        shown=shown,
        signature={"files": files_signature(files)},
        read=lambda on_read: read_files(files, config.encoding, on_file=on_read),
    )


def _table(config: TableConfig) -> Source:
    path = existing_file(config)
    status = path.stat()

    def read(on_read: OnRead) -> Texts:
        texts = read_table(config)
        on_read(1, 1)
        return texts

    signature = {"file": (str(path), status.st_size, status.st_mtime_ns)}
    return Source(kind="table", shown=f"data.path={config.path}", signature=signature, read=read)
