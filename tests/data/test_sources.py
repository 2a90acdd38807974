"""Every option of the `data` group opens its own source."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.data_sources import class_folders, write_folder, write_tsv
from tests.support.studies import compose_config


@pytest.mark.parametrize("kind", ["docstrings", "imdb", "folder", "table"])
def test_options_compose_and_open(tmp_path: Path, kind: str) -> None:
    files = {place: text for part in ("train", "test") for place, text in class_folders(2, f"{part}/").items()}
    paths = {
        "docstrings": None,
        "imdb": write_folder(tmp_path / "imdb", files),
        "folder": write_folder(tmp_path / "folder", class_folders(2)),
        "table": write_tsv(tmp_path / "t.tsv", [("a", "x"), ("b", "y")]),
    }
    given = [f"data.path={paths[kind]}"] if paths[kind] else []
    config = compose_config(f"data={kind}", *given)[0].data
    source = config.open()
    assert (source.kind, config.name) == (kind, kind)
    assert source.shown == (given[0] if given else f"data.packages={config.packages}")
    assert config.open().signature == source.signature
