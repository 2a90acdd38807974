"""Links and paths in the Markdown files lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import ROOT

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("experiments/*/README.md")]
)  # a report's summary names files that are not kept here
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
PATH = re.compile(r"`((?:\.ci|docker|experiments|hpo|tests)/[\w./-]*\w)`")


def test_the_architecture_names_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {path.parent.name for path in (ROOT / "hpo").glob("*/**/__init__.py")}
    assert sorted(room for room in rooms if f"{room}/" not in text) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(document: Path) -> None:
    text = document.read_text("utf-8")
    paths = [path for path in PATH.findall(text) if "NAME" not in path]  # of what is still to be written
    places = [document.parent / link for link in LINK.findall(text)] + [ROOT / path for path in paths]
    assert [str(place) for place in places if not place.exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 200
