"""What a report says, before it has a form: sections of texts, tables and figures as plain data.

Analyses build it; HTML, Markdown, PNG, CSV and JSON are made from it without knowing what it means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Cell = str | float | int | None
Json = Mapping[str, object]
Line = tuple[Literal["x", "y", "diagonal"], float, str]


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
class Axis:
    """An axis; the title carries the unit. `categories` makes it categorical, in this order."""

    title: str
    is_log: bool = False
    categories: Sequence[str] = ()
    is_reversed: bool = False


@dataclass(frozen=True)
class Series:
    """Data of one colour and one shape.

    Attributes:
        name: Shown in the legend and on hovering.
        kind: step (holds its value until the next x), line, thin (a faint step: one seed), points, bar,
            box (a box over all y that share an x, and every point), band (the area from `low` to `high`, as steps),
            whisker (a point at y with an error bar from `low` to `high`), shade (a cell at (x, y) coloured by `z`).
        x, y: Of equal length; None breaks a line. For a band y may be empty. Where only y has categories,
            bars, boxes and whiskers lie: their numbers, `low` and `high` are then along x.
        strategy: Fixes the colour; None is grey; COMPLETE, PRUNED and FAIL have colours of their own.
        low, high: Of a band or of whiskers.
        z: Of shades: 0 (worst) to 1 (best).
        text: For hovering, one a point; may be empty.
        in_legend: Whether it has a line of its own in the legend.
    """

    name: str
    kind: Literal["step", "line", "thin", "points", "bar", "box", "band", "whisker", "shade"]
    x: Sequence[Cell]
    y: Sequence[Cell] = ()
    strategy: str | None = None
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    z: Sequence[float | None] = ()
    text: Sequence[str] = ()
    in_legend: bool = True


@dataclass(frozen=True)
class View:
    """One way to look at a figure; several are switched between by buttons labelled `label`.

    `lines` are dashed straight lines with a label: ("x" or "y", place, label), or ("diagonal", 0, label) for y = x.
    """

    label: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    lines: Sequence[Line] = ()


@dataclass(frozen=True)
class Figure:
    """A plot. `caption` is the one sentence that says how to read it."""

    key: str
    title: str
    caption: str
    views: Sequence[View]


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
        claims: One for each pair at the primary endpoint.
        looks: The same pairs at 25, 50 and 100 % of the budget.
        reading: One sentence: what the primary endpoint is and when the words are used.
    """

    headline: str
    claims: Sequence[Claim]
    looks: Table
    reading: str


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
    """

    key: str
    title: str
    blocks: Sequence[Block]
    numbers: Json = field(default_factory=dict)
    clock: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """A whole report. `strategies` in the order that fixes their colours."""

    title: str
    subtitle: str
    strategies: Sequence[str]
    sections: Sequence[Section]
