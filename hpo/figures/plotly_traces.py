"""The marks of a figure as traces of plotly.js: curves, points, bars, boxes, bands, whiskers, shades.

Axes and legends are not here; where a mark stands is `geometry`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpo.figures.figure import Axis
from hpo.figures.geometry import Layout, Number, Placed, outlines
from hpo.figures.palette import GREY, SHADE_INK, SHADES, Style
from hpo.machine.escaping import for_plotly, for_template, wrapped

Trace = dict[str, object]
MANY_POINTS, MANY_LINES = 60, 8
MANY_CELLS = 200  # beyond, their texts are shown under the pointer alone
HOVER_WIDTH = 28  # characters
LABEL = "#75808b"  # legible on light and dark paper


def draw_mark(placed: Placed, layout: Layout, style: Style) -> Trace:
    """Returns the trace of a series, without name and place in the legend."""
    match placed.series.kind:
        case "step" | "line" | "thin":
            trace = _curve(placed, layout, style)
        case "points":
            trace = _points(placed, style)
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
    is_mute = "hoverinfo" in trace or "hovertemplate" in trace
    return trace if is_mute else trace | _hover(placed, layout)


def draw_diagonal(layout: Layout) -> Trace:
    """Returns the line y = x with its label at the lower end."""
    ends = _short(layout.diagonal or ())
    label = next((label for kind, _, label in layout.view.lines if kind == "diagonal"), "")
    return {
        "type": "scatter",
        "mode": "lines+text",
        "x": ends,
        "y": ends,
        "text": [for_plotly(label), ""],
        "textposition": "bottom right",
        "textfont": {"size": 12, "color": LABEL},
        "line": {"color": GREY, "width": 1.2, "dash": "dash"},
        "hoverinfo": "skip",
        "meta": -1,
    }


def _curve(placed: Placed, layout: Layout, style: Style) -> Trace:
    is_thin = placed.series.kind == "thin"
    is_step = placed.series.kind != "line" and not layout.x_names
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


def _points(placed: Placed, style: Style) -> Trace:
    is_many = len(placed.x) > MANY_POINTS
    marker: Trace = {"color": style.color, "symbol": style.symbol, "size": 6 if is_many else 9}
    marker["opacity"] = 0.55 if is_many else 0.9
    return {"type": "scatter", "mode": "markers", "x": _short(placed.x), "y": _short(placed.y), "marker": marker}


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
        "marker": {"color": style.color, "symbol": style.symbol, "size": 7, "opacity": 0.65},
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
        **({"texttemplate": "%{text}"} if len(cells) <= MANY_CELLS else {}),
        "textfont": {"color": SHADE_INK},
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
    is_repeated = series.name in names
    return hover | {"hovertemplate": "<br>".join(parts) + f"<extra>{'' if is_repeated else '%{fullData.name}'}</extra>"}


def _hover_title(axis: Axis) -> str:
    return for_template(wrapped(axis.title.split(" (")[0], width=HOVER_WIDTH, max_lines=1)[0])


def _short(numbers: Sequence[Number]) -> list[Number]:
    return [_rounded(number) for number in numbers]


def _rounded(number: Number) -> Number:
    """Returns seven digits of a number, more than a screen shows; the CSV beside the figure has them all."""
    if number is None or isinstance(number, int):
        return number
    return float(f"{number:.7g}") if math.isfinite(number) else None


def _minus(number: Number, other: Number) -> Number:
    return None if number is None or other is None else number - other
