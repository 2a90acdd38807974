"""The parts of a report and what they are called in anchors and file names, the same in every document.

How a part looks is the documents' business; where files lie is `files`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpo.figures.figure import Figure
from hpo.machine.escaping import file_stem
from hpo.report.document.content import Block, Report, Section, Table, Verdict


@dataclass(frozen=True)
class Item:
    """A block and its name in figures/NAME.png, figures/NAME.csv or tables/NAME.csv; texts have none."""

    block: Block
    name: str


@dataclass(frozen=True)
class Part:
    """A section, its anchor, its named blocks."""

    section: Section
    anchor: str
    items: Sequence[Item]


def outline(report: Report) -> list[Part]:
    """Returns the parts in order; keys that would make one name of two get a number."""
    anchors: set[str] = set()
    files: dict[str, set[str]] = {"figures": set(), "tables": set()}
    return [
        Part(section, _free(section.key, anchors), [_item(block, files) for block in section.blocks])
        for section in report.sections
    ]


def figures(parts: Sequence[Part]) -> list[tuple[str, Figure]]:
    """Returns every figure by its name."""
    return [(item.name, item.block) for part in parts for item in part.items if isinstance(item.block, Figure)]


def tables(parts: Sequence[Part]) -> list[tuple[str, Table]]:
    """Returns every table by its name, the verdict's looks among them."""
    found: list[tuple[str, Table]] = []
    for item in (item for part in parts for item in part.items):
        if isinstance(item.block, Table):
            found.append((item.name, item.block))
        elif isinstance(item.block, Verdict):
            found.append((item.name, item.block.looks))
    return found


def _item(block: Block, files: dict[str, set[str]]) -> Item:
    match block:
        case Figure():
            return Item(block, _free(block.key, files["figures"]))
        case Table():
            return Item(block, _free(block.key, files["tables"]))
        case Verdict():
            return Item(block, _free(block.looks.key, files["tables"]))
    return Item(block, "")


def _free(key: str, taken: set[str]) -> str:
    """Returns a name that is not taken, on file systems that ignore case as well."""
    stem = file_stem(key)
    name, number = stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name.lower())
    return name
