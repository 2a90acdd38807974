"""Small data for tests: configurations of every source, and the files they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from hpo.config.schema import DataConfig, Keep, Labels, Tokenizer, quiet
from hpo.data.docstrings import DocstringsConfig
from hpo.data.folder import FolderConfig
from hpo.data.imdb import ImdbConfig
from hpo.data.table import TableConfig
from tests.support import ROOT

SHARED = ROOT.parent / "shared"  # real data beside the repository, absent on most machines


class Nowhere(DataConfig):
    """What the settings of every source have in common; there are no texts."""

    def open(self, on_download: Callable[[int, int], None] = quiet) -> NoReturn:
        raise NotImplementedError


SETTINGS = Nowhere(
    name="small",
    labels=Labels.strict,
    tokenizer=Tokenizer.words,
    min_freq=1,
    max_vocab=1000,
    keep=Keep.head,
    train_fraction=1.0,
    valid=0.2,
    split_seed=0,
)


def table(path: Path | str, **settings: object) -> TableConfig:
    """Returns the configuration of a table beside which the cache lies."""
    given = {"path": str(path), "cache": str(Path(path).parent / "cache"), "test": 0.2, "encoding": "utf-8"}
    return TableConfig(**{**vars(SETTINGS), "text_column": "text", "label_column": "label", **given, **settings})


def folder(path: Path | str, **settings: object) -> FolderConfig:
    given = {"path": str(path), "cache": str(Path(path).parent / "cache"), "test": 0.2, "encoding": "utf-8"}
    return FolderConfig(**{**vars(SETTINGS), **given, "files": "*", **settings})


def imdb(cache: Path, **settings: object) -> ImdbConfig:
    given = {"path": None, "cache": str(cache), "encoding": "utf-8"}
    return ImdbConfig(**{**vars(SETTINGS), **given, **settings})


def docstrings(cache: Path, packages: Sequence[str], **settings: object) -> DocstringsConfig:
    given = {"cache": str(cache), "packages": list(packages), "n_per_class": 10, "min_words": 3, "max_words": 20}
    return DocstringsConfig(**{**vars(SETTINGS), **given, "test": 0.2, **settings})


def with_cache(config: DataConfig, cache: Path) -> DataConfig:
    return replace(config, cache=str(cache))


def reviews(n_per_class: int, classes: Sequence[str] = ("neg", "pos")) -> list[tuple[str, str]]:
    """Returns (label, text) pairs; all texts differ."""
    return [(label, f"Review {i} is {label}, truly.") for label in classes for i in range(n_per_class)]


def write_tsv(path: Path, rows: Sequence[Sequence[str]], *, header: str = "label\ttext") -> Path:
    path.write_text("\n".join([header, *("\t".join(row) for row in rows)]) + "\n", encoding="utf-8")
    return path


def write_folder(root: Path, files: Mapping[str, str]) -> Path:
    for place, text in files.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text, encoding="utf-8")
    return root


def class_folders(n_per_class: int, prefix: str = "", classes: Sequence[str] = ("neg", "pos")) -> dict[str, str]:
    """Returns the text of each place of class folders below `prefix`."""
    rows = enumerate(reviews(n_per_class, classes))
    return {f"{prefix}{label}/{i}.txt": f"{prefix} {text}" for i, (label, text) in rows}
