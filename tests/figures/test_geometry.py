"""Where the marks of a view stand."""

from __future__ import annotations

import pytest

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.figures.geometry import check_figure, decades, lay_out, outlines


def view(*series: Series, x: Axis | None = None, y: Axis | None = None, **changes: object) -> View:
    return View("v", x or Axis("x"), y or Axis("y"), series, **changes)  # type: ignore[arg-type]


def test_declared_categories_come_first_and_unknown_ones_after() -> None:
    layout = lay_out(view(Series("a", "bar", ["q", "p"], [1, 2]), x=Axis("x", categories=["p"])))
    assert list(layout.x_names) == ["p", "q"]
    assert list(layout.placed[0].x) == [1, 0]
    assert layout.y_names == []


def test_strategies_sharing_a_category_stand_side_by_side() -> None:
    pair = [Series(name, "bar", ["p"], [1.0], name) for name in ("a", "b")]
    first, second = lay_out(view(*pair)).placed
    assert (first.x[0], second.x[0]) == (-0.2, 0.2)
    assert first.width < 0.4
    alone = [Series(name, "bar", [name], [1.0], name) for name in ("a", "b")]
    assert [placed.x[0] for placed in lay_out(view(*alone)).placed] == [0, 1]


def test_points_stay_on_their_lines() -> None:
    series = [Series(n, kind, ["p", "q"], [1.0, 2.0], n) for n in ("a", "b") for kind in ("line", "points")]
    assert all(list(placed.x) == [0, 1] for placed in lay_out(view(*series)).placed)  # type: ignore[arg-type]


def test_names_along_y_make_the_marks_lie() -> None:
    layout = lay_out(view(Series("d", "whisker", [0.5], ["a – b"], low=[0.1], high=[0.9])))
    assert layout.is_horizontal
    assert (list(layout.placed[0].x), list(layout.placed[0].y)) == ([0.5], [0])


def test_thin_neighbours_of_a_strategy_become_one_with_gaps() -> None:
    thin = [Series(f"seed {n}", "thin", [1, 2], [n, n], "a") for n in range(3)]
    named = Series("seed 3", "thin", [1, 2], [3, 3], "a", text=["p", "q"])
    other = Series("seed 0", "thin", [1, 2], [0, 0], "b")
    placed = lay_out(view(*thin, named, other)).placed
    assert [len(one.x) for one in placed] == [8, 2, 2]
    assert list(placed[0].y) == [0, 0, None, 1, 1, None, 2, 2]


def test_a_band_holds_its_edges_until_the_next_x_and_breaks_at_gaps() -> None:
    band = Series("b", "band", [1, 2, 3, 4], low=[0.0, 1.0, None, 2.0], high=[5.0, 6.0, 7.0, 8.0])
    first, second = outlines(lay_out(view(band)).placed[0])
    assert first == ([1, 2, 2, 2, 2, 1, 1], [0, 0, 1, 6, 5, 5, 0])
    assert second == ([4, 4, 4], [2, 8, 2])


def test_zero_on_a_logarithmic_axis_stands_at_its_lower_end() -> None:
    curve = Series("c", "step", [1, 2, 3], [0.3, 0.03, 0.0])
    band = Series("b", "band", [1, 2, 3], low=[0.1, 0.0, -1.0], high=[1.0, 0.1, 0.1])
    layout = lay_out(view(curve, band, y=Axis("y", is_log=True)))
    assert layout.has_raised
    assert list(layout.placed[0].y) == [0.3, 0.03, pytest.approx(0.02)]
    assert list(layout.placed[1].low) == [0.1, pytest.approx(0.02), pytest.approx(0.02)]
    assert decades(layout, "y") == pytest.approx(1.7, abs=0.01)
    assert not lay_out(view(curve)).has_raised


def test_the_diagonal_spans_both_axes() -> None:
    points = Series("p", "points", [1.0, 2.0], [5.0, 0.5])
    assert lay_out(view(points, lines=[("diagonal", 0.0, "y = x")])).diagonal == (0.5, 5.0)
    assert lay_out(view(points)).diagonal is None
    assert lay_out(view(lines=[("diagonal", 0.0, "y = x")])).diagonal is None


def test_what_is_no_finite_number_is_a_gap() -> None:
    curve = Series("c", "line", [1, 2, 3], [float("nan"), float("inf"), 1.0])
    assert list(lay_out(view(curve)).placed[0].y) == [None, None, 1.0]


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match="'s' of figure 'f' has 2 x and 1 y"):
        check_figure(Figure("f", "F", "", [view(Series("s", "line", [1, 2], [1]))]))
    with pytest.raises(ValueError, match="'s' of figure 'f' is a whisker without low"):
        check_figure(Figure("f", "F", "", [view(Series("s", "whisker", [1], [1]))]))
    with pytest.raises(ValueError, match="'f' has no view"):
        check_figure(Figure("f", "F", "", []))
