"""The dead letters of a study: a line for each run that MLflow refuses, saying why.

What counts as refused is decided by `mlflow_errors`; a line goes when its run is taken after all.
"""

from __future__ import annotations

import json
from pathlib import Path

from hpo.files import write_atomically

REFUSED_FILE = "mlflow-refused.jsonl"


def note_refusal(folder: Path, uid: str, **facts: str) -> Path:
    """Writes the line of the run `uid`, in the place of an older one; returns the file."""
    path = folder / REFUSED_FILE
    folder.mkdir(parents=True, exist_ok=True)
    _write(path, [*_lines(path, without=uid), json.dumps({"uid": uid, **facts})])
    return path


def clear_refusal(folder: Path, uid: str) -> None:
    """Removes the line of the run `uid`, and the file with its last line."""
    path = folder / REFUSED_FILE
    if path.exists() and uid in path.read_text(encoding="utf-8"):
        _write(path, _lines(path, without=uid))


def _lines(path: Path, *, without: str) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line for line in lines if json.loads(line)["uid"] != without]


def _write(path: Path, lines: list[str]) -> None:
    if lines:
        write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
    else:
        path.unlink()
