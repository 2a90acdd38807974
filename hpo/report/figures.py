"""A report's figures as plotly.js draws them in the browser: traces and layouts as plain data.

Where the marks stand is `geometry`'s business, what surrounds a figure on the page `document`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from hpo.report.content import Axis, Figure, Series, View
from hpo.report.escaping import for_plotly, for_template, wrapped
from hpo.report.geometry import Layout, Number, Placed, lay_out, outlines
from hpo.report.palette import GREY, INK, Style, Styles, style_of

Trace = dict[str, object]
HEIGHT, NAME_HEIGHT, MAX_HEIGHT = 380, 30, 1600
MANY_POINTS, MANY_LINES = 60, 8
TITLE_WIDTH, NAME_WIDTH, HOVER_WIDTH = 52, 22, 28
# One hue from light to dark: read alike in grey and by colour-blind readers.
SHADES = ((0.0, "#f2f6fa"), (0.25, "#c6dbec"), (0.5, "#85b6d9"), (0.75, "#3a83bb"), (1.0, "#0b4a83"))


def build_plots(figure: Figure, styles: Styles) -> list[dict[str, object]]:
    """Returns for each view its label, traces, layout, legend and whether a note on zeros is due."""
    return [_plot(lay_out(view), styles) for view in figure.views]


def _plot(layout: Layout, styles: Styles) -> dict[str, object]:
    view = layout.view
    groups = legend_groups(view)
    traces = [trace for placed in layout.placed for trace in _traces(placed, layout, styles, groups)]
    if layout.diagonal is not None:
        traces.append(_diagonal(layout.diagonal))
    return {
        "label": view.label,
        "traces": traces,
        "layout": _layout(layout),
        "legend": _legend(layout, styles, groups),
        "shades": any(series.kind == "shade" for series in view.series),
        "hasRaised": layout.has_raised,
    }


def legend_groups(view: View) -> dict[tuple[str, str | None], int]:
    """Returns the lines of the legend by name and strategy, numbered in order."""
    lines = dict.fromkeys((series.name, series.strategy) for series in view.series if series.in_legend)
    return {line: number for number, line in enumerate(lines)}


def _group(series: Series, groups: Mapping[tuple[str, str | None], int]) -> int:
    """Returns the legend's line that shows and hides a series: its own or the first of its strategy; -1 for none."""
    if (series.name, series.strategy) in groups:
        return groups[series.name, series.strategy]
    return next((number for (_, strategy), number in groups.items() if strategy and strategy == series.strategy), -1)


def needs_legend(layout: Layout) -> bool:
    """Tells whether the legend says anything that the names along an axis do not."""
    shown = {series.name for series in layout.view.series if series.in_legend and series.kind != "shade"}
    return bool(shown) and not shown <= {*layout.x_names, *layout.y_names}


def _legend(
    layout: Layout, styles: Styles, groups: Mapping[tuple[str, str | None], int]
) -> list[dict[str, object]]:
    if not needs_legend(layout):
        return []
    kinds: dict[int, str] = {}
    for series in layout.view.series:
        if series.in_legend and series.kind != "shade":
            kinds.setdefault(groups[series.name, series.strategy], series.kind)
    lines = []
    for (name, strategy), group in groups.items():
        if group in kinds:
            style = style_of(styles, strategy)
            lines.append(
                {"name": name, "group": group, "kind": kinds[group], "color": style.color, "dash": style.dash}
                | {"symbol": style.symbol}
            )
    return lines


def _traces(
    placed: Placed, layout: Layout, styles: Styles, groups: Mapping[tuple[str, str | None], int]
) -> list[Trace]:
    series = placed.series
    style = style_of(styles, series.strategy)
    match series.kind:
        case "step" | "line" | "thin":
            trace = _curve(placed, layout, style)
        case "points":
            trace = {"type": "scatter", "mode": "markers", "x": _short(placed.x), "y": _short(placed.y)}
            trace["marker"] = _marker(style, len(placed.x))
        case "bar":
            trace = _bar(placed, layout, style)
        case "box":
            trace = _box(placed, layout, style)
        case "band":
            trace = _band(placed, style)
        case "whisker":
            trace = _whisker(placed, layout, style)
        case "shade":
            trace = _shade(placed, layout)
    if "hoverinfo" not in trace and series.kind != "shade":
        trace |= _hover(placed, layout)
    return [trace | {"name": for_plotly(series.name), "meta": _group(series, groups)}]


def _curve(placed: Placed, layout: Layout, style: Style) -> Trace:
    is_thin = placed.series.kind == "thin"
    is_step = placed.series.kind == "step" or (is_thin and not layout.x_names and _has_steps(layout))
    n_alike = sum(other.series.kind == placed.series.kind for other in layout.placed)
    has_markers = placed.series.kind == "line" and (len(placed.x) <= MANY_POINTS // 2) and n_alike <= MANY_LINES
    width = 1.0 if is_thin else 2.0 if n_alike <= 2 * MANY_LINES else 1.2
    trace: Trace = {
        "type": "scatter",
        "mode": "lines+markers" if has_markers else "lines",
        "x": _short(placed.x),
        "y": _short(placed.y),
        "line": {"color": style.color, "width": width, "dash": style.dash, "shape": "hv" if is_step else "linear"},
        "opacity": 0.3 if is_thin else 1.0 if n_alike <= MANY_LINES else 0.6,
    }
    if has_markers:
        trace["marker"] = {"color": style.color, "symbol": style.symbol, "size": 7}
    if is_thin and not placed.series.text:
        trace["hoverinfo"] = "skip"
    return trace


def _has_steps(layout: Layout) -> bool:
    """Tells whether thin lines are steps: unless the view has proper lines and no steps."""
    kinds = {series.kind for series in layout.view.series}
    return "step" in kinds or "line" not in kinds


def _marker(style: Style, n_points: int) -> Trace:
    is_many = n_points > MANY_POINTS
    return {
        "color": style.color,
        "symbol": style.symbol,
        "size": 5 if is_many else 8,
        "opacity": 0.55 if is_many else 0.9,
    }


def _bar(placed: Placed, layout: Layout, style: Style) -> Trace:
    trace: Trace = {"type": "bar", "x": _short(placed.x), "y": _short(placed.y), "marker": {"color": style.color}}
    if placed.width:
        trace["width"] = placed.width
    return trace | ({"orientation": "h"} if layout.is_horizontal else {})


def _box(placed: Placed, layout: Layout, style: Style) -> Trace:
    trace: Trace = {
        "type": "box",
        "x": _short(placed.x),
        "y": _short(placed.y),
        "orientation": "h" if layout.is_horizontal else "v",
        "boxpoints": "all",
        "pointpos": 0,
        "jitter": 0.5,
        "hoveron": "points",
        "fillcolor": "rgba(0,0,0,0)",
        "line": {"color": style.color, "width": 1.4},
        "marker": {"color": style.color, "symbol": style.symbol, "size": 6, "opacity": 0.65},
    }
    return trace | ({"width": placed.width} if placed.width else {})


def _band(placed: Placed, style: Style) -> Trace:
    x: list[Number] = []
    y: list[Number] = []
    for part_x, part_y in outlines(placed):
        x += [*part_x, None]
        y += [*part_y, None]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _short(x[:-1]),
        "y": _short(y[:-1]),
        "fill": "toself",
        "fillcolor": style.color,
        "line": {"width": 0, "color": style.color},
        "opacity": 0.16,
        "hoverinfo": "skip",
    }


def _whisker(placed: Placed, layout: Layout, style: Style) -> Trace:
    values = placed.x if layout.is_horizontal else placed.y
    error = {
        "type": "data",
        "symmetric": False,
        "array": _short([_minus(high, value) for high, value in zip(placed.high, values, strict=True)]),
        "arrayminus": _short([_minus(value, low) for low, value in zip(placed.low, values, strict=True)]),
        "color": style.color,
        "thickness": 1.8,
        "width": 5,
    }
    return {
        "type": "scatter",
        "mode": "markers",
        "x": _short(placed.x),
        "y": _short(placed.y),
        "marker": {"color": style.color, "symbol": style.symbol, "size": 9},
        "error_x" if layout.is_horizontal else "error_y": error,
    }


def _shade(placed: Placed, layout: Layout) -> Trace:
    series = placed.series
    xs, ys = (sorted({number for number in side if number is not None}) for side in (placed.x, placed.y))
    cells = {(x, y): n for n, (x, y) in enumerate(zip(placed.x, placed.y, strict=True))}
    rows = [[cells.get((x, y)) for x in xs] for y in ys]
    texts = [[for_plotly(series.text[n]) if n is not None and series.text else "" for n in row] for row in rows]
    z = [[_rounded(series.z[n]) if n is not None else None for n in row] for row in rows]
    names = [[_place_text(layout, x, y) for x in xs] for y in ys]
    return {
        "type": "heatmap",
        "x": _short(xs),
        "y": _short(ys),
        "z": z,
        "zmin": 0,
        "zmax": 1,
        "colorscale": [list(stop) for stop in SHADES],
        "showscale": False,
        "text": texts,
        "texttemplate": "%{text}",
        "customdata": names,
        "hovertemplate": "%{customdata}<br>%{text}<extra></extra>",
        "xgap": 2,
        "ygap": 2,
    }


def _place_text(layout: Layout, x: float, y: float) -> str:
    column = layout.x_names[round(x)] if layout.x_names else f"{x:g}"
    line = layout.y_names[round(y)] if layout.y_names else f"{y:g}"
    return for_plotly(f"{line} · {column}")


def _hover(placed: Placed, layout: Layout) -> Trace:
    """Returns what is shown of a point under the pointer: its text, both coordinates, the series' name."""
    series = placed.series
    hover: Trace = {}
    parts = []
    if series.text:
        hover["text"] = [for_plotly(text) for text in series.text]
        parts.append("%{text}")
    names = layout.y_names if layout.is_horizontal else layout.x_names
    if names:
        cells = series.y if layout.is_horizontal else series.x
        hover["customdata"] = ["" if cell is None else for_plotly(str(cell)) for cell in cells]
    elif layout.has_raised:
        hover["customdata"] = ["" if cell is None else f"{cell:.6g}" for cell in series.y]
    for axis, letter in ((layout.view.x, "x"), (layout.view.y, "y")):
        is_named = bool(names) and (letter == "y") == layout.is_horizontal
        is_raised = letter == "y" and not names and layout.has_raised
        value = "%{customdata}" if is_named or is_raised else f"%{{{letter}:.6~g}}"
        title = _hover_title(axis)
        parts.append(value if is_named or not title else f"{title}: {value}")
    return hover | {"hovertemplate": "<br>".join(parts) + "<extra>%{fullData.name}</extra>"}


def _hover_title(axis: Axis) -> str:
    return for_template(wrapped(axis.title.split(" (")[0], width=HOVER_WIDTH, max_lines=1)[0])


def _diagonal(ends: tuple[float, float]) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": _short(ends),
        "y": _short(ends),
        "line": {"color": GREY, "width": 1.2, "dash": "dash"},
        "hoverinfo": "skip",
        "meta": -1,
    }


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


def _short(numbers: Sequence[Number]) -> list[Number]:
    return [_rounded(number) for number in numbers]


def _rounded(number: Number) -> Number:
    """Returns seven digits of a number, more than a screen shows; the CSV beside the figure has them all."""
    if number is None or isinstance(number, int):
        return number
    return float(f"{number:.7g}") if math.isfinite(number) else None


def _minus(number: Number, other: Number) -> Number:
    return None if number is None or other is None else number - other


__all__ = ["INK", "build_plots", "legend_groups", "needs_legend"]
