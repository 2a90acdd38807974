"""What several rooms of tests share, by nouns: small data, made-up records, real servers, odd commands."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # of the repository


def extras() -> dict[str, list[str]]:
    """Returns what pyproject.toml asks for beside what is always installed, by the name of the extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {name: list(requirements) for name, requirements in project["optional-dependencies"].items()}


def requirements() -> list[str]:
    """Returns what pyproject.toml always asks for."""
    return list(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"])
