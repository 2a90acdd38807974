"""The part of this package that a kept model needs to answer, so that it can be stored with the model.

Found by reading imports; nothing is imported here.
"""

from __future__ import annotations

import ast
import shutil
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
ENTRY = "hpo.model.answers"
LIBRARIES = ("mlflow", "torch", "fastai", "spacy", "safetensors", "numpy", "pandas", "omegaconf", "psutil")


def copy_code(folder: Path) -> Path:
    """Copies the modules that `ENTRY` needs below `folder`; returns the package there."""
    for path in needed_files():
        target = folder / "hpo" / path.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return folder / "hpo"


def needed_files() -> list[Path]:
    """Returns the files of the modules that `ENTRY` imports, directly or through others."""
    files: set[Path] = set()
    waiting = [ENTRY]
    while waiting:
        path = _file(waiting.pop())
        if path is not None and path not in files:
            files.add(path)
            waiting += _imports(path)
    packages = {
        parent / "__init__.py" for path in files for parent in path.parents if PACKAGE in (parent, *parent.parents)
    }
    return sorted(files | packages)


def requirements() -> list[str]:
    """Returns the libraries in their versions here; a build's own mark, as in +cpu, is on no index."""
    return [f"{name}=={metadata.version(name).partition('+')[0]}" for name in LIBRARIES]


def _file(module: str) -> Path | None:
    parts = module.split(".")[1:]
    path = PACKAGE.joinpath(*parts)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if parts and file.is_file()), None)


def _imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.startswith("hpo.")]
