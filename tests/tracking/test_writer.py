"""The file of what MLflow refuses: a line a run, as long as it is refused."""

from __future__ import annotations

import json
from pathlib import Path

from hpo.tracking.writer import REFUSED_FILE, clear_refusal, note_refusal


def read(folder: Path) -> dict[str, str]:
    lines = (folder / REFUSED_FILE).read_text().splitlines()
    return {line["uid"]: line["error"] for line in map(json.loads, lines)}


def test_a_run_has_one_line_that_goes_when_it_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    clear_refusal(folder, "a/1")
    for uid, error in [("a/1", "too long"), ("a/10", "tøø long"), ("a/1", "much too long")]:
        assert note_refusal(folder, uid, name=f"trial {uid}", error=error) == folder / REFUSED_FILE
    assert read(folder) == {"a/10": "tøø long", "a/1": "much too long"}
    clear_refusal(folder, "a/1")
    clear_refusal(folder, "a/2")
    assert read(folder) == {"a/10": "tøø long"}
    clear_refusal(folder, "a/10")
    assert list(folder.iterdir()) == []
