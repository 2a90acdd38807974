"""The legend of a view: its lines, and which line a series belongs to.

Nothing is drawn here; colours are `palette`'s business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpo.report.content import Series
from hpo.report.geometry import Layout


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
