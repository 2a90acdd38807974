"""The notebook of the documentation, executed; `python -m tests.support.notebook` writes its outputs anew."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from tests.support import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
HOME = "/home/me"  # stands for the folder that it was executed in


def execute() -> Any:
    """Returns the notebook with the outputs of every cell; raises if a cell does."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"  # data, without a copy of plotly's code
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
        text = nbformat.writes(notebook).replace(folder, HOME)
    return nbformat.reads(text, as_version=4)


def write() -> None:
    import nbformat

    notebook = execute()
    for cell in notebook.cells:
        cell.get("metadata", {}).pop("execution", None)  # clocks
        if "outputs" in cell:  # warnings of this machine
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    Path(NOTEBOOK).write_text(nbformat.writes(notebook) + "\n", "utf-8")


if __name__ == "__main__":
    write()
