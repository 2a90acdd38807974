"""The manual can be typed: each page's commands and programs in order, in an empty folder, as a reader would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.console_script import write_console_script
from tests.support.manual import PAGES, README, SHELL, Block, blocks, given_files

BLOCKS = [block for page in PAGES for block in blocks(page)]
TYPED = [page for page in PAGES if any(block.is_typed for block in blocks(page))]
WIDTH = 80  # of what programs say


@pytest.fixture(scope="session")
def typing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody who types: `hpo` and `python` are found, and the home is empty."""
    folder = write_console_script(tmp_path_factory.mktemp("bin")).parent
    (folder / "python").symlink_to(sys.executable)
    home = tmp_path_factory.mktemp("home")
    paths = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **paths, "HOME": str(home), "COLUMNS": str(WIDTH)}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", TYPED, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_can_be_typed(page: Path, workdir: Path, typing: dict[str, str]) -> None:
    if page != README:
        for block in given_files().values():
            run(block, workdir, typing)
    for block in blocks(page):
        if not block.reason:
            run(block, workdir, typing)


def run(block: Block, folder: Path, environ: dict[str, str]) -> None:
    """Does what a reader does with a block: writes it into its file, types it, or only looks at it."""
    if block.file:
        path = folder / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, "utf-8")
    elif block.is_typed:
        script = folder / "typed"
        script.write_text(block.text, "utf-8")
        program = [sys.executable] if block.language == "python" else ["bash", "-euo", "pipefail"]
        done = subprocess.run([*program, script], cwd=folder, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, f"{block}\n{block.text}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow  # with those that are
@pytest.mark.parametrize("block", [block for block in BLOCKS if block.reason], ids=str)
def test_what_is_not_typed_is_listed(block: Block) -> None:
    pytest.skip(f"{block.reason}: {block.text.splitlines()[0]}")


@pytest.mark.parametrize("page", TYPED, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_say_what_they_are(page: Path) -> None:
    """A block without a word behind its fence, or a command that is merely indented, would escape the test above."""
    shown = [(block.line, block.language) for block in blocks(page)]
    assert [line for line, language in shown if language not in (*SHELL, "python", "yaml", "text")] == []
    assert [block.line for block in blocks(page) if block.language == "yaml" and not block.file] == []
    assert page.read_text("utf-8").count("\n```") == 2 * len(shown)
    assert "\n\n    hpo " not in page.read_text("utf-8")


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "text"], ids=str)
def test_what_programs_say_fits_a_terminal(block: Block) -> None:
    assert [line for line in block.text.splitlines() if len(line) > WIDTH] == []
