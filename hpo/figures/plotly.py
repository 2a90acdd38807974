"""A report's figures as plotly.js draws them in the browser: traces and layouts as plain data.

The marks are `plotly_traces`' business, their places `geometry`'s, what surrounds a figure is `report.document`'s.
"""

from __future__ import annotations

from hpo.figures.figure import Figure
from hpo.figures.geometry import Layout, Line, decades, group_of, lay_out, legend_lines, needs_legend
from hpo.figures.palette import GREY, Styles, style_of
from hpo.figures.plotly_traces import draw_diagonal, draw_mark
from hpo.machine.escaping import for_plotly, one_line, wrapped

HEIGHT, NAME_HEIGHT, LINE_HEIGHT, MAX_HEIGHT = 380, 30, 16, 1600  # pixels
LABEL_WIDTH, NAME_WIDTH = 40, 22  # characters
MAX_LINES = {"x": 3, "y": 6}  # of a name along an axis; along y two long ones of a pair may stand
HEADROOM = 0.1  # of the height, above a line on top
MANY_DECADES = 3  # beyond, a logarithmic y axis has no names between the powers of ten; x at half


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
        "xTitle": one_line(view.x.title),
        "yTitle": one_line(view.y.title),
        "traces": [*traces, *diagonal],
        "layout": _layout(layout),
        "legend": [_legend_line(line, styles) for line in legend] if needs_legend(layout) else [],
        "shades": any(series.kind == "shade" for series in view.series),
        "hasRaised": layout.has_raised,
    }


def _legend_line(line: Line, styles: Styles) -> dict[str, object]:
    style = style_of(styles, line.strategy)
    shown = (one_line(line.name), line.kind, style.color, style.dash, style.symbol)
    return dict(zip(("name", "kind", "color", "dash", "symbol"), shown, strict=True))


def _layout(layout: Layout) -> dict[str, object]:
    return {
        "height": _height(layout),
        "margin": {"l": 8, "r": 16, "t": 10, "b": 8},
        "xaxis": _axis(layout, "x"),
        "yaxis": _axis(layout, "y"),
        "shapes": [_line(line, n, is_on_top=line in _on_top(layout)) for n, line in enumerate(layout.lines)],
    }


def _height(layout: Layout) -> int:
    """Returns the pixels in which the names along y do not touch."""
    n_rows = len(layout.y_names)
    n_lines = max((len(_name_lines(name, "y")) for name in layout.y_names), default=0)
    usual = HEIGHT if n_rows <= 6 else min(MAX_HEIGHT, 140 + NAME_HEIGHT * n_rows)
    return max(usual, 100 + (LINE_HEIGHT * n_lines + 4) * n_rows)


def _name_lines(name: str, letter: str) -> list[str]:
    return wrapped(name, width=NAME_WIDTH, max_lines=MAX_LINES[letter])


def _axis(layout: Layout, letter: str) -> dict[str, object]:
    axis, names = (layout.view.x, layout.x_names) if letter == "x" else (layout.view.y, layout.y_names)
    common: dict[str, object] = {"automargin": True, "zeroline": False, "ticklabeloverflow": "allow"}
    if names:
        ends = [-0.5, len(names) - 0.5]
        labels = ["<br>".join(map(for_plotly, _name_lines(name, letter))) for name in names]
        is_turned = (letter == "y") != axis.is_reversed  # names along y are read from the top
        return common | {
            "type": "linear",
            "tickvals": list(range(len(names))),
            "ticktext": labels,
            "range": ends[::-1] if is_turned else ends,
            "showgrid": False,
        }
    if axis.is_log:
        n_decades = decades(layout, letter)
        common |= {"type": "log", "tickformat": "~g"}
        if n_decades >= 1:  # below, plotly.js finds better places itself
            is_long = n_decades > (MANY_DECADES if letter == "y" else MANY_DECADES / 2)
            common |= {"dtick": 1 if is_long else "D2"}
    else:
        common |= {"type": "linear"}
    common |= _headroom(layout) if letter == "y" else {}
    return common | ({"autorange": "reversed"} if axis.is_reversed else {})


def _on_top(layout: Layout) -> list[tuple[str, float, str]]:
    """Returns the lines across that lie above every mark, where a label needs room and buttons are on the right."""
    known = [y for placed in layout.placed for y in (*placed.y, *placed.high) if y is not None]
    return [line for line in layout.lines if line[0] == "y" and known and line[1] > max(known)]


def _headroom(layout: Layout) -> dict[str, object]:
    """Returns what widens the axis along y by the label of its highest line, if that is above every mark."""
    values = [value for _, value, _ in _on_top(layout)]
    known = [y for placed in layout.placed for y in (*placed.y, *placed.low) if y is not None]
    if not values or layout.y_names or layout.view.y.is_log or layout.view.y.is_reversed:
        return {}
    return {"autorangeoptions": {"include": [max(values) + HEADROOM * (max(values) - min(known))]}}


def _line(line: tuple[str, float, str], place: int, *, is_on_top: bool) -> dict[str, object]:
    """Returns a dashed line; the labels of neighbours stand at opposite ends."""
    kind, value, label = line
    is_first = place % 2 == 0 and not is_on_top
    text: dict[str, object] = {"text": for_plotly(wrapped(label, width=LABEL_WIDTH, max_lines=1)[0]), "padding": 4}
    if kind == "x":
        ends: dict[str, object] = {"x0": value, "x1": value, "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
        text |= {"textangle": 0, "xanchor": "left", "yanchor": "top" if is_first else "bottom"}
    else:
        ends = {"x0": 0, "x1": 1, "y0": value, "y1": value, "xref": "paper", "yref": "y"}
        text |= {"xanchor": "right" if is_first else "left", "yanchor": "bottom"}
    dashed = {"color": GREY, "width": 1.2, "dash": "dash"}
    text["textposition"] = "end" if is_first else "start"
    return ends | {"type": "line", "layer": "below", "line": dashed, "label": text}
