"""A figure as data: views, axes and series; how one is drawn is the business of `matplotlib` and `plotly`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Cell = str | float | int | None
Line = tuple[Literal["x", "y", "diagonal"], float, str]


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
