"""The console script `hpo`, as pip writes it: tests run in environments that know the package by its folder alone."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support import ROOT


def install_package(folder: Path) -> Path:
    """Builds the package and installs it, without what it needs, into a folder; its script is in `bin` there."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), str(ROOT)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if "hatchling" in done.stderr:  # the first that pip has to fetch
        pytest.skip("pip reaches no package index here: it cannot fetch hatchling")
    assert done.returncode == 0, done.stderr
    return folder


def write_console_script(folder: Path) -> Path:
    """Writes the script that pyproject.toml names into a folder, for this environment, and returns its path."""
    ((name, entry),) = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"].items()
    module, _, function = entry.partition(":")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        f"from {module} import {function}\n"
        "if __name__ == '__main__':\n"
        f"    sys.exit({function}())\n"
    )
    path.chmod(0o755)
    return path
