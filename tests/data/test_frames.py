"""Tables in memory as files that are read back as they were."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from hpo.data.frames import write_frame
from hpo.data.table import read_table
from tests.support.data_sources import table


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.data.frames.FOLDER", str(tmp_path))


@pytest.mark.parametrize(
    ("labels", "suffix"),
    [(["a", "b"], ".parquet"), ([True, False], ".parquet"), ([True, "True"], ".jsonl"), ([1, "1"], ".jsonl")],
)
def test_values_keep_their_types(labels: list[object], suffix: str) -> None:
    path = write_frame(pd.DataFrame({"text": ["é", "y"], "label": labels}))
    assert path.suffix == suffix
    found = read_table(table(path)).labels
    assert [(type(label), label) for label in found] == [(type(label), label) for label in labels]


@pytest.mark.parametrize("labels", [[1j, 2j], ["a", object()], ["\ud800", 1]])
def test_what_no_file_can_hold_is_refused(labels: list[object]) -> None:
    with pytest.raises(ValueError, match=r"^data cannot be written as a table: "):
        write_frame(pd.DataFrame({"text": ["x", "y"], "label": labels}))
