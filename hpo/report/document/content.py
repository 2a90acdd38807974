"""What a report says, before it has a form: sections of texts, tables and figures as plain data.

Analyses build it; HTML, Markdown, PNG, CSV and JSON are made from it without knowing what it means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hpo.figures.figure import Cell, Figure

Json = Mapping[str, object]


@dataclass(frozen=True)
class Text:
    """A paragraph of plain text (never markup)."""

    text: str
    tone: Literal["normal", "note", "warning", "code"] = "normal"


@dataclass(frozen=True)
class Column:
    """A table's column; the title carries the unit, `format` is a Python format spec for numbers."""

    title: str
    format: str = ".4g"


@dataclass(frozen=True)
class Table:
    """Rows of cells; None is shown as a dash. `note` is one sentence that says how to read it."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Claim:
    """One sentence of the verdict about a pair, in the fixed vocabulary."""

    text: str
    kind: Literal["better", "equivalent", "undecided", "underpowered"]


@dataclass(frozen=True)
class Verdict:
    """The box at the top.

    Attributes:
        headline: One sentence: the winner, or that there is none.
        claims: One for each pair at the primary endpoint; of few tasks with many seeds another for these tasks alone.
        groups: One for each group of strategies, where these say more than the pairs; shown in their place.
        looks: The same pairs at 25, 50 and 100 % of the budget.
        reading: One sentence: what the primary endpoint is and when the words are used.
    """

    headline: str
    claims: Sequence[Claim]
    looks: Table
    reading: str
    groups: Sequence[Claim] = ()

    @property
    def shown(self) -> Sequence[Claim]:
        """The sentences that are shown where there is room for few."""
        return self.groups or self.claims


Block = Text | Table | Figure | Verdict


@dataclass(frozen=True)
class Section:
    """A part of the report.

    Attributes:
        key: Stable: the anchor in the HTML, the key in report.json, the start of file names.
        title: Shown.
        blocks: In order.
        numbers: What report.json holds of it; the same for the same experiment whenever and however often it ran.
        clock: What depends on clocks, hosts or which of two equal trials was cached; kept apart in report.json.
        finding: What it finds, in one line, beside its title while it is folded.
    """

    key: str
    title: str
    blocks: Sequence[Block]
    numbers: Json = field(default_factory=dict)
    clock: Json = field(default_factory=dict)
    finding: str = ""


@dataclass(frozen=True)
class Report:
    """A whole report. `strategies` in the order that fixes their colours; `studies` as they can be trained again."""

    title: str
    subtitle: str
    strategies: Sequence[str]
    sections: Sequence[Section]
    studies: Sequence[Json] = ()
