"""The pictures of the manual: small, and made by the script beside it."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.support import ROOT

MAX_BYTES = 150_000


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "pictures").iterdir())
    assert {picture.suffix for picture in pictures} == {".png"}
    assert [picture.name for picture in pictures if picture.stat().st_size > MAX_BYTES] == []


def test_every_picture_is_shown_by_a_page() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {name for page in pages for name in re.findall(r"\(\S*pictures/(\S+)\)", page.read_text("utf-8"))}
    assert shown == {picture.name for picture in (ROOT / "docs" / "pictures").iterdir()}


def test_the_script_says_what_it_needs() -> None:
    script = [sys.executable, str(ROOT / "docs" / "pictures.py")]
    done = subprocess.run(script, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "")
    assert "WORKDIR" in done.stdout
