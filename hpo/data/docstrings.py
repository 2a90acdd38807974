"""Texts of data=docstrings: what installed libraries say about themselves, their names masked.

Source files are parsed, never imported. Which library a text came from is its label.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from inspect import cleandoc
from pathlib import Path

from hpo.config.limits import MISSING, count, setting, share
from hpo.config.registry import option
from hpo.config.schema import DataConfig, quiet
from hpo.contracts.seeds import derive_seed
from hpo.data.sources import OnRead, Source
from hpo.data.texts import Texts

ABBREVIATIONS = ("np", "pd", "plt", "sa", "sp", "skl")
NAMES = ("numpy", "scipy", "pandas", "sklearn", "scikit", "matplotlib", "pyplot", "pylab", "sqlalchemy")
WORD = re.compile(r"[A-Za-z_]\w*(?:[.-]\w+)*")
MASK = "library"

OnFile = Callable[[int, int], None]


@option("data", "docstrings")
@dataclass
class DocstringsConfig(DataConfig):
    packages: list[str] = MISSING
    n_per_class: int = setting(low=10)
    min_words: int = count()
    max_words: int = count()
    test: float = share()

    def open(self, on_download: OnRead = quiet) -> Source:
        return Source(
            kind=self.option,
            shown=f"data.packages={list(self.packages)}",
            signature={"versions": docstring_versions(self), "python": sys.version_info[:2]},
            read=lambda on_read: read_docstrings(self, on_file=on_read),
        )


def read_docstrings(config: DocstringsConfig, *, on_file: OnFile | None = None) -> Texts:
    """Returns `n_per_class` masked docstrings of each package, chosen by `split_seed`.

    The choice depends on the packages' versions and on the seed, not on the file system's order.

    Raises:
        ValueError: If a package is not installed or has too few docstrings.
    """
    if len(set(config.packages)) < 2:
        raise ValueError(f"data.packages={list(config.packages)} names fewer than two packages; give at least two.")
    versions = docstring_versions(config)
    files = {package: _python_files(package) for package in config.packages}
    n_files = sum(len(paths) for paths in files.values())
    mask = _build_mask(files)
    found: dict[str, list[str]] = {}
    n_read = 0
    for package, paths in files.items():
        docs: list[str] = []
        for path in paths:
            docs += _masked_docstrings(path, mask, config)
            n_read += 1
            if on_file:
                on_file(n_read, n_files)
        found[package] = docs
    chosen = {package: _choose(package, docs, config) for package, docs in _drop_duplicates(found).items()}
    return Texts(
        texts=[text for texts in chosen.values() for text in texts],
        labels=[package for package, texts in chosen.items() for _ in texts],
        places=[f"{package} docstring {i}" for package, texts in chosen.items() for i in range(len(texts))],
        versions=versions,
    )


def docstring_versions(config: DocstringsConfig) -> dict[str, str]:
    """Returns the installed version of each of `data.packages`.

    Raises:
        ValueError: If one is not installed.
    """
    return {package: _distribution(package).version for package in config.packages}


def _distribution(package: str) -> metadata.Distribution:
    try:
        return metadata.distribution(package)
    except (metadata.PackageNotFoundError, ValueError) as error:
        raise ValueError(
            f"data.packages names {package!r}, which is not installed; install it or take it out of data.packages."
        ) from error


def _python_files(package: str) -> list[Path]:
    """Returns the distribution's modules in a fixed order, its tests left out."""
    distribution = _distribution(package)
    listed = [file for file in distribution.files or [] if file.suffix == ".py" and not _is_test(file.parts)]
    if not listed:
        raise ValueError(
            f"data.packages names {package!r}, whose installation lists no Python files (an editable install?); "
            "install it as a wheel or take it out of data.packages."
        )
    return [Path(str(distribution.locate_file(file))) for file in sorted(listed, key=str)]


def _is_test(parts: Sequence[str]) -> bool:
    return any(part in ("tests", "test", "testing") or part.startswith(("test_", "conftest")) for part in parts)


def _masked_docstrings(path: Path, mask: Callable[[str], str], config: DocstringsConfig) -> Iterator[str]:
    for doc in _docstrings(path):
        words = list(re.finditer(r"\S+", mask(cleandoc(doc))))
        if len(words) >= config.min_words:
            end = words[min(len(words), config.max_words) - 1].end()
            yield words[0].string[words[0].start() : end]


def _docstrings(path: Path) -> Iterator[str]:
    """Yields the docstrings of a file's module, classes and functions as written."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's strings
        try:
            pending: list[ast.AST] = [ast.parse(path.read_bytes())]
        except (SyntaxError, ValueError):  # templates and files of other Python versions
            return
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node, clean=False)
            if doc:
                yield doc
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            pending += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]


def _build_mask(files: dict[str, list[Path]]) -> Callable[[str], str]:
    """Returns the function that puts `MASK` for names, abbreviations and paths from a module's name on."""
    words = {*(name.lower() for name in files), *_import_names(files)}
    modules = {part.lstrip("_") for paths in files.values() for path in paths for part in (path.stem, path.parent.name)}

    @cache
    def mask_word(word: str) -> str:
        first, dot, _ = word.partition(".")
        pieces = re.split(r"[._-]", word)
        is_name = any(name in word.lower() for name in NAMES) or not words.isdisjoint(
            {first.lower(), pieces[0].lower()}
        )
        is_short = any(piece in ABBREVIATIONS or piece.startswith("mpl") for piece in pieces)
        is_path = bool(dot) and first.lstrip("_") in modules
        return MASK if is_name or is_short or is_path else word

    return lambda text: WORD.sub(lambda match: mask_word(match.group()), text)


def _import_names(packages: Iterable[str]) -> set[str]:
    listed = {file.parts[0] for package in packages for file in _distribution(package).files or []}
    names = {name.removesuffix(".py").lower() for name in listed}
    return {name for name in names if name.isidentifier()}


def _drop_duplicates(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Returns sorted docstrings, each once; those of several packages are left out of all."""
    unique = {package: {_letters(text): text for text in sorted(texts)} for package, texts in found.items()}
    n_packages = Counter(key for texts in unique.values() for key in texts)
    return {package: [t for key, t in texts.items() if n_packages[key] == 1] for package, texts in unique.items()}


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]+", " ", text.lower())


def _choose(package: str, docs: list[str], config: DocstringsConfig) -> list[str]:
    if len(docs) < config.n_per_class:
        raise ValueError(
            f"data.n_per_class={config.n_per_class}, but {package} {metadata.version(package)} has {len(docs)} "
            f"docstrings of at least data.min_words={config.min_words} words; lower one of the two or take "
            f"{package} out of data.packages."
        )
    import numpy as np

    random = np.random.default_rng(derive_seed(config.split_seed, "docstrings", package))
    return [docs[i] for i in sorted(random.permutation(len(docs))[: config.n_per_class])]
