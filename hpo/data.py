"""The sources of texts: one per option of the `data` group.

A source says cheaply what its texts depend on, and reads them when asked. Splitting, tokens and
the cache are `parts`, `tokens` and `corpus`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hpo.config import DataConfig, DocstringsConfig
from hpo.docstrings import docstring_versions, read_docstrings
from hpo.texts import Texts

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


def open_source(config: DataConfig) -> Source:
    """Returns the source `config` describes; nothing is read yet.

    Raises:
        ValueError: If a package or a setting is not what it must be.
        FileNotFoundError: If a path is not there.
    """
    match config:
        case DocstringsConfig():
            versions = docstring_versions(config)
            return Source(
                kind="docstrings",
                shown=f"data.packages={list(config.packages)}",
                signature={"versions": versions, "python": sys.version_info[:2]},
                read=lambda on_read: read_docstrings(config, on_file=on_read),
            )
        case _:
            raise ValueError(f"data is a {type(config).__name__}; allowed are docstrings, imdb, folder and table.")
