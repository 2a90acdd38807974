"""Figures as PNG."""

from __future__ import annotations

import struct
import sys

import pytest

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.figures.matplotlib import draw_png
from hpo.figures.palette import build_styles
from hpo.report.document.outline import figures, outline
from tests.support.sample_report import STRATEGIES, make_report

STYLES = build_styles(STRATEGIES)
NAMES = ["$\\frac{1}{2}$ and $", "<b>x</b>", "日本語 שלום", "a\nb\ud800\x00"]


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("figure", [figure for _, figure in figures(outline(make_report()))], ids=lambda f: f.key)
def test_every_figure_is_drawn_again_identically(figure: Figure) -> None:
    png = draw_png(figure, STYLES)
    assert size(png) == (1036, 561)
    assert png == draw_png(figure, STYLES)


def test_hostile_names_are_drawn() -> None:
    for kind in ("line", "points", "bar", "box"):
        series = [Series(name, kind, NAMES, [1.0] * 4, name, text=NAMES) for name in NAMES]  # type: ignore[arg-type]
        view = View("v", Axis(NAMES[0]), Axis(NAMES[3]), series, [("y", 1.0, NAMES[0])])
        size(draw_png(Figure("f", NAMES[2], "", [view]), STYLES))


@pytest.mark.parametrize("kind", ["step", "line", "thin", "points", "bar", "box", "band", "whisker", "shade"])
@pytest.mark.parametrize("is_log", [False, True])
def test_a_series_of_nothing_is_drawn(kind: str, is_log: bool) -> None:
    series = Series("s", kind, [])  # type: ignore[arg-type]
    size(draw_png(Figure("f", "F", "", [View("v", Axis("x"), Axis("y", is_log=is_log), [series])]), STYLES))


def test_many_names_along_y_make_a_tall_figure() -> None:
    pairs = [f"a – b{n}" for n in range(30)]
    series = Series("d", "whisker", [0.1] * 30, pairs, low=[0.0] * 30, high=[0.2] * 30)
    assert size(draw_png(Figure("f", "F", "", [View("v", Axis("x"), Axis(""), [series])]), STYLES))[1] > 1400


def test_long_names_along_y_have_room_for_all_their_lines() -> None:
    def height(names: list[str]) -> int:
        series = Series("d", "points", [0.1] * len(names), names)
        return size(draw_png(Figure("f", "F", "", [View("v", Axis("x"), Axis(""), [series])]), STYLES))[1]

    assert height([f"{n} {'long name ' * 12}" for n in range(12)]) > 1.9 * height([f"name {n}" for n in range(12)])


def test_no_global_state_of_matplotlib_is_touched() -> None:
    draw_png(figures(outline(make_report()))[0][1], STYLES)
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
