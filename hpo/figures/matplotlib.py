"""A report's figures as PNG, PDF and SVG, drawn by matplotlib for READMEs and papers: the first view of each.

Where the marks stand is `geometry`'s business; no global state of matplotlib is touched.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpo.figures.figure import Figure
from hpo.figures.geometry import Layout, Number, Placed, decades, lay_out, legend_lines, needs_legend, outlines
from hpo.figures.palette import GREY, INK, SHADE_INK, SHADES, Style, Styles, style_of
from hpo.machine.escaping import for_matplotlib, wrapped

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis as MplAxis

WIDTH, HEIGHT, ROW_HEIGHT, LINE_HEIGHT, MAX_HEIGHT, DPI = 7.2, 3.9, 0.32, 0.15, 14.0, 144  # inches
MUTED, RULE = "#5b6470", "#e3e6ea"
TITLE_WIDTH, NAME_WIDTH, LEGEND_WIDTH = 80, 24, 30  # characters
MANY_POINTS, MANY_LINES, MANY_CELLS = 60, 8, 200
JITTER = 0.3  # of a box's width


PLAIN: dict[str, dict[str, None]] = {  # without clocks and versions
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None},
}


def draw_png(figure: Figure, styles: Styles) -> bytes:
    """Returns the first view of a figure as PNG, the same bytes for the same figure."""
    return draw(figure, styles, form="png")


def draw(figure: Figure, styles: Styles, *, form: str) -> bytes:
    """Returns the first view of a figure as png, pdf or svg, the same bytes for the same figure."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    layout = lay_out(figure.views[0])
    canvas = Canvas(figsize=(WIDTH, _height(layout)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(canvas)
    axes = canvas.add_subplot()
    _prepare(axes, layout)
    for placed in layout.placed:
        _draw(axes, placed, layout, style_of(styles, placed.series.strategy))
    _draw_lines(axes, layout)
    _finish(axes, layout, styles)
    file = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script the font lacks is drawn as boxes; the HTML report shows it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        # Fonts that a reviewer's program can search, and ids that are the same every time.
        with rc_context({} if form == "png" else {"pdf.fonttype": 42, "svg.hashsalt": "hpo"}):
            canvas.savefig(file, format=form, metadata=PLAIN[form])
    return file.getvalue()


def _height(layout: Layout) -> float:
    """Returns the inches in which the names along y do not touch."""
    n_rows = len(layout.y_names)
    n_lines = max((len(_name_lines(name, is_x=False)) for name in layout.y_names), default=0)
    usual = HEIGHT if n_rows <= 6 else min(MAX_HEIGHT, 1.6 + ROW_HEIGHT * n_rows)
    return max(usual, 1.2 + (LINE_HEIGHT * n_lines + 0.04) * n_rows)


def _name_lines(name: str, *, is_x: bool) -> list[str]:
    return wrapped(name, width=NAME_WIDTH, max_lines=3 if is_x else 6)


def _prepare(axes: Axes, layout: Layout) -> None:
    axes.set_facecolor("white")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=INK, labelsize=8.5, color=GREY)
    axes.set_axisbelow(True)
    _prepare_axis(axes, layout, "x")
    _prepare_axis(axes, layout, "y")
    title = wrapped(layout.view.y.title, width=TITLE_WIDTH, max_lines=2)
    axes.set_title(_joined(title), loc="left", fontsize=9, color=MUTED, pad=8)
    axes.set_xlabel(_joined(wrapped(layout.view.x.title, width=TITLE_WIDTH, max_lines=2)), fontsize=9, color=MUTED)


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(map(for_matplotlib, lines))


def _prepare_axis(axes: Axes, layout: Layout, letter: str) -> None:
    is_x = letter == "x"
    axis, names = (layout.view.x, layout.x_names) if is_x else (layout.view.y, layout.y_names)
    if not names:
        axes.grid(True, axis="x" if is_x else "y", color=RULE, linewidth=0.8)
        if axis.is_log:
            (axes.set_xscale if is_x else axes.set_yscale)("log")
            _number_decades(axes.xaxis if is_x else axes.yaxis, decades(layout, letter))
        return
    labels = [_joined(_name_lines(name, is_x=is_x)) for name in names]
    is_crowded = is_x and sum(max(map(len, label.split("\n"))) + 2 for label in labels) > 90
    (axes.set_xticks if is_x else axes.set_yticks)(range(len(names)), labels)
    for label in axes.get_xticklabels() if is_crowded else []:
        label.set(rotation=35, ha="right", rotation_mode="anchor")
    (axes.set_xlim if is_x else axes.set_ylim)(-0.5, len(names) - 0.5)


def _number_decades(axis: MplAxis, n_decades: float) -> None:
    """Writes 0.01, 0.02, 0.05, 0.1… along a logarithmic axis, as the interactive figure does."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12) if n_decades >= 1 else MaxNLocator(6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _draw(axes: Axes, placed: Placed, layout: Layout, style: Style) -> None:
    match placed.series.kind:
        case "step" | "line" | "thin":
            _draw_curve(axes, placed, layout, style)
        case "points":
            is_many = len(placed.x) > MANY_POINTS
            _draw_points(axes, placed.x, placed.y, style, size=3.0 if is_many else 5.5)
        case "bar":
            _draw_bars(axes, placed, layout, style)
        case "box":
            _draw_boxes(axes, placed, layout, style)
        case "band":
            for x, y in outlines(placed):
                axes.fill(x, y, color=style.color, alpha=0.16, linewidth=0)
        case "whisker":
            _draw_whiskers(axes, placed, layout, style)
        case "shade":
            _draw_shades(axes, placed)


def _draw_curve(axes: Axes, placed: Placed, layout: Layout, style: Style) -> None:
    is_thin = placed.series.kind == "thin"
    n_alike = sum(other.series.kind == placed.series.kind for other in layout.placed)
    has_markers = placed.series.kind == "line" and len(placed.x) <= MANY_POINTS // 2 and n_alike <= MANY_LINES
    axes.plot(
        _floats(placed.x),
        _floats(placed.y),
        color=style.color,
        linestyle=style.linestyle,
        linewidth=0.8 if is_thin else 1.8 if n_alike <= 2 * MANY_LINES else 1.0,
        alpha=0.3 if is_thin else 1.0 if n_alike <= MANY_LINES else 0.6,
        drawstyle="default" if placed.series.kind == "line" or layout.x_names else "steps-post",
        marker=style.marker if has_markers else "",
        markersize=5,
    )


def _draw_points(axes: Axes, x: Sequence[Number], y: Sequence[Number], style: Style, *, size: float) -> None:
    axes.plot(
        _floats(x),
        _floats(y),
        linestyle="",
        marker=style.marker,
        markersize=size,
        color=style.color,
        alpha=0.65,
        markeredgewidth=0,
    )


def _draw_bars(axes: Axes, placed: Placed, layout: Layout, style: Style) -> None:
    width = placed.width or 0.6
    if layout.is_horizontal:
        axes.barh(_floats(placed.y), _floats(placed.x), height=width, color=style.color)
    else:
        axes.bar(_floats(placed.x), _floats(placed.y), width=width, color=style.color)


def _draw_boxes(axes: Axes, placed: Placed, layout: Layout, style: Style) -> None:
    along, values = (placed.y, placed.x) if layout.is_horizontal else (placed.x, placed.y)
    grouped: dict[float, list[float]] = {}
    for place, value in zip(along, values, strict=True):
        if place is not None and value is not None:
            grouped.setdefault(place, []).append(value)
    if not grouped:
        return
    width = placed.width or 0.5
    line = {"color": style.color, "linewidth": 1.2}
    axes.boxplot(
        list(grouped.values()),
        positions=list(grouped),
        widths=width * 0.8,
        orientation="horizontal" if layout.is_horizontal else "vertical",
        showfliers=False,
        manage_ticks=False,
        boxprops=line,
        whiskerprops=line,
        capprops=line,
        medianprops=line,
    )
    for place, column in grouped.items():
        # Spread in the order of the seeds; a random jitter would be another file each time.
        spread = [place + width * JITTER * (n / max(len(column) - 1, 1) - 0.5) for n in range(len(column))]
        x, y = (column, spread) if layout.is_horizontal else (spread, column)
        _draw_points(axes, x, y, style, size=4.0)


def _draw_whiskers(axes: Axes, placed: Placed, layout: Layout, style: Style) -> None:
    values = placed.x if layout.is_horizontal else placed.y
    known = [
        (x, y, value - low, high - value)
        for x, y, value, low, high in zip(placed.x, placed.y, values, placed.low, placed.high, strict=True)
        if x is not None and y is not None and value is not None and low is not None and high is not None
    ]
    if not known:
        return
    x, y, below, above = zip(*known, strict=True)
    errors = [[max(0.0, size) for size in below], [max(0.0, size) for size in above]]
    axes.errorbar(
        x,
        y,
        xerr=errors if layout.is_horizontal else None,
        yerr=None if layout.is_horizontal else errors,
        linestyle="",
        marker=style.marker,
        markersize=6,
        color=style.color,
        capsize=3,
        elinewidth=1.4,
    )


def _draw_shades(axes: Axes, placed: Placed) -> None:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    colors = LinearSegmentedColormap.from_list("shades", list(SHADES))
    texts = placed.series.text or [""] * len(placed.x)
    for x, y, z, text in zip(placed.x, placed.y, placed.series.z, texts, strict=True):
        if x is None or y is None or z is None:
            continue
        axes.add_patch(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, color=colors(z), linewidth=0))
        if len(placed.x) <= MANY_CELLS:
            axes.text(x, y, for_matplotlib(text), ha="center", va="center", fontsize=8.5, color=SHADE_INK)
    axes.autoscale_view()


def _draw_lines(axes: Axes, layout: Layout) -> None:
    if layout.diagonal is not None:
        low, high = layout.diagonal
        label = next(label for kind, _, label in layout.view.lines if kind == "diagonal")
        axes.plot([low, high], [low, high], color=GREY, linewidth=1.0, linestyle="--", zorder=1)
        axes.text(low, low, f"   {_joined([label])}", color=MUTED, fontsize=8, va="top")
    for number, (kind, place, label) in enumerate(layout.lines):
        is_first = number % 2 == 0  # the labels of neighbours stand at opposite ends
        name = for_matplotlib(wrapped(label, width=TITLE_WIDTH, max_lines=1)[0])
        if kind == "x":
            axes.axvline(place, color=GREY, linewidth=1.0, linestyle="--", zorder=1)
            across = axes.get_xaxis_transform()
            end, anchor = (0.98, "top") if is_first else (0.02, "bottom")
            axes.text(place, end, f" {name}", transform=across, color=MUTED, fontsize=8, va=anchor)
        else:
            axes.axhline(place, color=GREY, linewidth=1.0, linestyle="--", zorder=1)
            across = axes.get_yaxis_transform()
            end, side = (0.995, "right") if is_first else (0.005, "left")
            axes.text(end, place, name, transform=across, color=MUTED, fontsize=8, ha=side, va="bottom")


def _finish(axes: Axes, layout: Layout, styles: Styles) -> None:
    if layout.view.x.is_reversed:
        axes.invert_xaxis()
    if bool(layout.y_names) != layout.view.y.is_reversed:
        axes.invert_yaxis()
    if needs_legend(layout):
        lines = legend_lines(layout)
        handles = [_handle(line.kind, style_of(styles, line.strategy)) for line in lines]
        labels = [for_matplotlib(wrapped(line.name, width=LEGEND_WIDTH, max_lines=1)[0]) for line in lines]
        axes.figure.legend(
            handles, labels, loc="outside upper left", ncols=min(4, len(lines)), frameon=False, fontsize=8.5
        )


def _handle(kind: str, style: Style) -> Artist:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    match kind:
        case "band" | "bar":
            return Patch(color=style.color, alpha=0.3 if kind == "band" else 1.0, linewidth=0)
        case "step" | "line" | "thin":
            return Line2D([], [], color=style.color, linestyle=style.linestyle, linewidth=1.8)
    return Line2D([], [], color=style.color, marker=style.marker, linestyle="", markersize=6)


def _floats(numbers: Sequence[Number]) -> list[float]:
    return [math.nan if number is None else float(number) for number in numbers]
