"""A report's figures as plotly.js draws them in the browser: traces and layouts as plain data.

The marks are `marks`' business, their places `geometry`'s, what surrounds a figure on the page `document`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpo.report.content import Axis, Figure
from hpo.report.escaping import for_plotly, wrapped
from hpo.report.geometry import Layout, lay_out
from hpo.report.legend import Line, group_of, legend_lines, needs_legend
from hpo.report.marks import draw_diagonal, draw_mark
from hpo.report.palette import GREY, Styles, style_of

HEIGHT, NAME_HEIGHT, MAX_HEIGHT = 380, 30, 1600  # pixels
TITLE_WIDTH, NAME_WIDTH = 52, 22  # characters


def build_plots(figure: Figure, styles: Styles) -> list[dict[str, object]]:
    """Returns for each view its label, traces, layout, legend and whether a note on zeros is due."""
    return [_plot(lay_out(view), styles) for view in figure.views]


def _plot(layout: Layout, styles: Styles) -> dict[str, object]:
    view = layout.view
    legend = legend_lines(layout)
    traces = [
        draw_mark(placed, layout, style_of(styles, placed.series.strategy))
        | {"name": for_plotly(placed.series.name), "meta": group_of(placed.series, legend)}
        for placed in layout.placed
    ]
    diagonal = [draw_diagonal(layout)] if layout.diagonal is not None else []
    return {
        "label": view.label,
        "traces": [*traces, *diagonal],
        "layout": _layout(layout),
        "legend": [_legend_line(line, styles) for line in legend] if needs_legend(layout) else [],
        "shades": any(series.kind == "shade" for series in view.series),
        "hasRaised": layout.has_raised,
    }


def _legend_line(line: Line, styles: Styles) -> dict[str, object]:
    style = style_of(styles, line.strategy)
    shown = (line.name, line.kind, style.color, style.dash, style.symbol)
    return dict(zip(("name", "kind", "color", "dash", "symbol"), shown, strict=True))


def _layout(layout: Layout) -> dict[str, object]:
    view = layout.view
    title = wrapped(view.y.title, width=TITLE_WIDTH, max_lines=3)
    n_rows = len(layout.y_names)
    height = HEIGHT if n_rows <= 6 else min(MAX_HEIGHT, 140 + NAME_HEIGHT * n_rows)
    return {
        "height": height,
        "margin": {"l": 8, "r": 14, "t": 14 + 17 * (len(title) if view.y.title else 0), "b": 8},
        "xaxis": _axis(view.x, layout.x_names) | _x_title(view.x),
        "yaxis": _axis(view.y, layout.y_names, is_downward=bool(layout.y_names)),
        "annotations": _y_title(title) if view.y.title else [],
        "shapes": [shape for line in view.lines if (shape := _line(line)) is not None],
    }


def _axis(axis: Axis, names: Sequence[str], *, is_downward: bool = False) -> dict[str, object]:
    common: dict[str, object] = {"automargin": True, "zeroline": False}
    if names:
        ends = [-0.5, len(names) - 0.5]
        labels = ["<br>".join(map(for_plotly, wrapped(name, width=NAME_WIDTH, max_lines=3))) for name in names]
        is_turned = is_downward != axis.is_reversed
        return common | {
            "type": "linear",
            "tickvals": list(range(len(names))),
            "ticktext": labels,
            "range": ends[::-1] if is_turned else ends,
            "showgrid": False,
        }
    common |= {"type": "log" if axis.is_log else "linear", "exponentformat": "power"}
    return common | ({"autorange": "reversed"} if axis.is_reversed else {})


def _x_title(axis: Axis) -> dict[str, object]:
    if not axis.title:
        return {}
    lines = wrapped(axis.title, width=TITLE_WIDTH, max_lines=3)
    return {"title": {"text": "<br>".join(map(for_plotly, lines)), "standoff": 10}}


def _y_title(lines: Sequence[str]) -> list[dict[str, object]]:
    """Returns the title of the y axis as lines above its upper end: read without turning one's head."""
    text = "<br>".join(map(for_plotly, lines))
    place = {"xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": 1, "yanchor": "bottom", "yshift": 6}
    return [place | {"text": text, "showarrow": False, "align": "left"}]


def _line(line: tuple[str, float, str]) -> dict[str, object] | None:
    kind, place, label = line
    if kind == "diagonal":
        return None
    ends: dict[str, object] = (
        {"x0": place, "x1": place, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
        if kind == "x"
        else {"x0": 0, "x1": 1, "y0": place, "y1": place, "xref": "paper", "yref": "y"}
    )
    text: dict[str, object] = {"text": for_plotly(wrapped(label, width=TITLE_WIDTH, max_lines=1)[0])}
    text |= {"textangle": 0, "textposition": "end", "xanchor": "left" if kind == "x" else "right", "padding": 4}
    return ends | {
        "type": "line",
        "layer": "below",
        "line": {"color": GREY, "width": 1.2, "dash": "dash"},
        "label": text | {"yanchor": "top" if kind == "x" else "bottom"},
    }
