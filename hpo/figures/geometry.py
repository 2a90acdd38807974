"""Where the marks of a view stand: categories, places side by side, outlines of bands, ends of axes.

Both drawings of a figure, the interactive and the printed one, are made from it, so they agree; no colours here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from hpo.figures.figure import Axis, Cell, Figure, Series, View

SLOTS = ("bar", "box", "whisker", "points")  # kinds that stand side by side where strategies share a category
CURVES = ("line", "thin", "step")
NEEDED = {"band": ("low", "high"), "whisker": ("y", "low", "high"), "shade": ("y", "z")}  # the others: y
Number = float | int | None


@dataclass(frozen=True)
class Placed:
    """A series in numbers only.

    Attributes:
        series: Where it comes from; its x and y may hold names.
        x, y, low, high: As in `Series`; a category is its place plus the shift to its slot.
        width: Of a bar or a box along the axis it stands on; 0 when nothing fixes it.
    """

    series: Series
    x: Sequence[Number]
    y: Sequence[Number]
    low: Sequence[Number] = ()
    high: Sequence[Number] = ()
    width: float = 0.0


@dataclass(frozen=True)
class Layout:
    """A view in numbers only.

    Attributes:
        x_names, y_names: The categories at 0, 1, 2…; empty for an axis of numbers.
        placed: In the order they are drawn.
        diagonal: Both ends of the line y = x; None when the view has none.
        has_raised: Whether curves reach 0 or less on a logarithmic axis, which are drawn at its lower end.
    """

    view: View
    x_names: Sequence[str]
    y_names: Sequence[str]
    placed: Sequence[Placed]
    diagonal: tuple[float, float] | None
    has_raised: bool = False

    @property
    def lines(self) -> list[tuple[str, float, str]]:
        """The dashed lines along an axis; the diagonal is apart."""
        return [line for line in self.view.lines if line[0] != "diagonal" and math.isfinite(line[1])]

    @property
    def is_horizontal(self) -> bool:
        """Whether bars, boxes and whiskers lie: the names stand along y."""
        return bool(self.y_names) and not self.x_names


def lay_out(view: View) -> Layout:
    """Returns the view in numbers."""
    x_names = _names(view.x, [series.x for series in view.series])
    y_names = _names(view.y, [series.y for series in view.series])
    layout = Layout(view, x_names, y_names, (), None)
    floor = _floor(view, layout.is_horizontal)
    slots = _slots(layout)
    placed = [_place(series, layout, floor, slots) for series in _merge_thin(view.series)]
    return replace(
        layout,
        placed=placed,
        diagonal=_span(placed) if any(kind == "diagonal" for kind, _, _ in view.lines) else None,
        has_raised=floor is not None and any(_has_raised(one) for one in placed),
    )


def check_figure(figure: Figure) -> None:
    """Checks that a figure can be drawn.

    Raises:
        ValueError: if it has no view, or a series lacks what its kind needs or has more of it than of x.
    """
    if not figure.views:
        raise ValueError(f"Figure {figure.key!r} has no view; give it at least one, or leave it out.")
    for series in (series for view in figure.views for series in view.series):
        for name in NEEDED.get(series.kind, ("y",)) if series.x else ():
            if not getattr(series, name):
                raise ValueError(f"Series {series.name!r} of figure {figure.key!r} is a {series.kind} without {name}.")
        for name in ("y", "low", "high", "z", "text"):
            n_given = len(getattr(series, name))
            if n_given not in (0, len(series.x)):
                raise ValueError(
                    f"Series {series.name!r} of figure {figure.key!r} has {len(series.x)} x and {n_given} {name}; "
                    "give one for each x, or none."
                )


def outlines(placed: Placed) -> Iterator[tuple[list[float], list[float]]]:
    """Yields the closed outline of each unbroken part of a band, every edge a step as in the curve within it."""
    points: list[tuple[float, float, float]] = []
    for x, low, high in zip([*placed.x, None], [*placed.low, None], [*placed.high, None], strict=True):
        if x is not None and low is not None and high is not None:
            points.append((x, low, high))
        elif points:
            yield _outline(points)
            points = []


def decades(layout: Layout, letter: str) -> float:
    """Returns how many powers of ten the numbers along an axis span."""
    columns: list[Sequence[Number]] = [placed.x if letter == "x" else placed.y for placed in layout.placed]
    if (letter == "x") == layout.is_horizontal:
        columns += [column for placed in layout.placed for column in (placed.low, placed.high)]
    known = [number for column in columns for number in column if number is not None and number > 0]
    return math.log10(max(known) / min(known)) if known else 0.0


def _outline(points: Sequence[tuple[float, float, float]]) -> tuple[list[float], list[float]]:
    lows: list[tuple[float, float]] = [(points[0][0], points[0][1])]
    highs: list[tuple[float, float]] = [(points[0][0], points[0][2])]
    for (_, low, high), (x, next_low, next_high) in pairwise(points):
        lows += [(x, low), (x, next_low)]
        highs += [(x, high), (x, next_high)]
    around = [*lows, *reversed(highs), lows[0]]
    return [x for x, _ in around], [y for _, y in around]


def _names(axis: Axis, columns: Sequence[Sequence[Cell]]) -> list[str]:
    """Returns the categories of an axis: the declared ones, then those found; none when all cells are numbers."""
    cells = [cell for column in columns for cell in column if cell is not None]
    if not axis.categories and not any(isinstance(cell, str) for cell in cells):
        return []
    return list(dict.fromkeys([*axis.categories, *(str(cell) for cell in cells)]))


def _floor(view: View, is_horizontal: bool) -> float | None:
    """Returns where the axis of values ends if it is logarithmic: what is 0 or less is drawn there."""
    if not (view.x if is_horizontal else view.y).is_log:
        return None
    columns: list[Sequence[Cell]] = [series.x if is_horizontal else series.y for series in view.series]
    columns += [column for series in view.series for column in (series.low, series.high)]
    found = [cell for column in columns for cell in column if isinstance(cell, float | int) and 0 < cell < math.inf]
    return min(found) / 1.5 if found else None


def _merge_thin(series: Sequence[Series]) -> list[Series]:
    """Returns the series with neighbouring thin ones of one strategy as one with gaps: drawing it is much faster."""
    merged: list[Series] = []
    for one in series:
        last = merged[-1] if merged else None
        is_mergeable = one.kind == "thin" and not one.text and last is not None and last.kind == "thin"
        if last and is_mergeable and not last.text and (one.strategy, one.in_legend) == (last.strategy, last.in_legend):
            merged[-1] = replace(last, x=[*last.x, None, *one.x], y=[*last.y, None, *one.y])
        else:
            merged.append(one)
    return merged


def _slots(layout: Layout) -> list[str]:
    """Returns who has a slot of its own within each category; none when no category is shared."""
    view = layout.view
    if bool(layout.x_names) == bool(layout.y_names) or any(series.kind in CURVES for series in view.series):
        return []
    owners: dict[Cell, set[str]] = {}
    for series in view.series:
        if series.kind in SLOTS:
            for cell in series.y if layout.is_horizontal else series.x:
                owners.setdefault(cell, set()).add(_owner(series))
    is_shared = any(len(names) > 1 for names in owners.values())
    return list(dict.fromkeys(_owner(s) for s in view.series if s.kind in SLOTS)) if is_shared else []


def _owner(series: Series) -> str:
    return series.strategy if series.strategy is not None else series.name


def _place(series: Series, layout: Layout, floor: float | None, slots: Sequence[str]) -> Placed:
    is_slotted = series.kind in SLOTS and len(slots) > 0
    share = 0.8 / len(slots) if is_slotted else 0.6
    shift = share * (slots.index(_owner(series)) - (len(slots) - 1) / 2) if is_slotted else 0.0
    x = _numbers(series.x, layout.x_names, 0.0 if layout.is_horizontal else shift)
    y = _numbers(series.y, layout.y_names, shift if layout.is_horizontal else 0.0)
    along, names = (y, layout.y_names) if layout.is_horizontal else (x, layout.x_names)
    return Placed(
        series,
        x,
        _raised(y, floor) if series.kind in CURVES else y,
        low=_raised(_numbers(series.low, (), 0.0), floor),
        high=_raised(_numbers(series.high, (), 0.0), floor),
        width=share * 0.9 if names else _gap(along) * 0.6,
    )


def _numbers(cells: Sequence[Cell], names: Sequence[str], shift: float) -> list[Number]:
    places = {name: place for place, name in enumerate(names)}
    if names:
        return [None if cell is None else places[str(cell)] + shift for cell in cells]
    return [cell if isinstance(cell, float | int) and math.isfinite(cell) else None for cell in cells]


def _has_raised(placed: Placed) -> bool:
    return placed.series.kind in CURVES and any(isinstance(y, float | int) and y <= 0 for y in placed.series.y)


def _raised(numbers: Sequence[Number], floor: float | None) -> list[Number]:
    return [number if number is None or floor is None else max(number, floor) for number in numbers]


def _gap(numbers: Sequence[Number]) -> float:
    """Returns the smallest distance between two different numbers; 0 where there are none."""
    known = sorted({number for number in numbers if number is not None})
    return min((high - low for low, high in pairwise(known)), default=0.0)


def _span(placed: Sequence[Placed]) -> tuple[float, float] | None:
    known = [number for one in placed for number in (*one.x, *one.y) if number is not None]
    return (min(known), max(known)) if known else None


@dataclass(frozen=True)
class Line:
    """A line of the legend; `kind` is that of the first series it stands for."""

    name: str
    strategy: str | None
    kind: str


def legend_lines(layout: Layout) -> list[Line]:
    """Returns the lines of the legend in the order of the series, each name of a strategy once."""
    kinds: dict[tuple[str, str | None], str] = {}
    for series in layout.view.series:
        if series.in_legend and series.kind != "shade":
            kinds.setdefault((series.name, series.strategy), series.kind)
    return [Line(name, strategy, kind) for (name, strategy), kind in kinds.items()]


def needs_legend(layout: Layout) -> bool:
    """Tells whether the legend says anything that the names along an axis do not."""
    names = {line.name for line in legend_lines(layout)}
    return not names <= {*layout.x_names, *layout.y_names}


def group_of(series: Series, lines: Sequence[Line]) -> int:
    """Returns the line that shows and hides a series: its own or the first of its strategy; -1 for none."""
    same = [number for number, line in enumerate(lines) if line.strategy == series.strategy]
    own = [number for number in same if lines[number].name == series.name]
    return next(iter(own or (same if series.strategy is not None else [])), -1)
