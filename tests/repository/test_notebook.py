"""The notebook of the documentation runs, and says what its outputs say."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest

from tests.support.notebook import NOTEBOOK, execute

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
CLOCKED = ("study.trials",)  # seconds of training are among what these cells show


def texts(notebook: Any) -> list[str]:
    """Returns what every cell ends with, as text, but for those that show clocks."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and not cell.source.startswith(CLOCKED)]
    results = [output for cell in cells for output in cell.outputs if output.output_type == "execute_result"]
    return [result["data"]["text/plain"] for result in results]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of jupyter
def test_it_can_be_executed_and_its_outputs_are_its_own() -> None:
    kept = nbformat.read(NOTEBOOK, as_version=4)
    assert texts(execute()) == texts(kept)
    assert tempfile.gettempdir() not in NOTEBOOK.read_text("utf-8")  # nor any other folder of whoever executed it
    assert not [o for cell in kept.cells for o in cell.get("outputs", []) if o.output_type == "error"]
