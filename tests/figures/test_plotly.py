"""Figures for plotly.js: valid for its own schema, coloured by strategy, every number in place."""

from __future__ import annotations

import json
from typing import Any

import plotly.graph_objects as go
import pytest

from hpo.figures.figure import Axis, Figure, Series, View
from hpo.figures.palette import COLORS, GREY, build_styles, style_of
from hpo.figures.plotly import build_plots
from hpo.report.document.outline import figures, outline
from tests.support.sample_report import STRATEGIES, make_report

STYLES = build_styles(STRATEGIES)


def plots_of(key: str) -> list[dict[str, Any]]:
    return build_plots(dict(figures(outline(make_report())))[key], STYLES)


def plot(*series: Series, x: Axis | None = None, y: Axis | None = None, **changes: Any) -> dict[str, Any]:
    view = View("v", x or Axis("x"), y or Axis("y"), series, **changes)
    return build_plots(Figure("f", "F", "", [view]), STYLES)[0]


@pytest.mark.parametrize("figure", [figure for _, figure in figures(outline(make_report()))], ids=lambda f: f.key)
def test_plotly_knows_every_property(figure: Figure) -> None:
    for shown in build_plots(figure, STYLES):
        go.Figure(data=shown["traces"], layout=shown["layout"])


def test_long_names_along_y_are_whole_and_have_room_for_all_their_lines() -> None:
    names = [f"{'a' * 20} {n} {'b' * 20} – {'c' * 20} {'d' * 20} the end" for n in range(40)]
    layout = plot(Series("d", "points", [0.1] * 40, names))["layout"]
    labels = layout["yaxis"]["ticktext"]
    assert [label.replace("<br>", " ") for label in labels] == names
    assert layout["height"] > 40 * 15 * max(label.count("<br>") + 1 for label in labels)


def test_a_strategy_has_its_colour_in_every_figure() -> None:
    for _, figure in figures(outline(make_report())):
        for shown in build_plots(figure, STYLES):
            for line in shown["legend"]:  # type: ignore[attr-defined]
                assert line["color"] == COLORS[STRATEGIES.index(line["name"])]


def test_a_curve_is_a_step_with_its_band_and_seeds_behind_one_line_of_the_legend() -> None:
    shown = plots_of("anytime")[0]
    assert [line["name"] for line in shown["legend"]] == list(STRATEGIES)
    seeds, band, curve = shown["traces"][:3]
    assert curve["line"]["shape"] == seeds["line"]["shape"] == "hv"
    assert curve["opacity"] == 1.0 > seeds["opacity"]
    assert band["fill"] == "toself"
    assert {trace["meta"] for trace in (seeds, band, curve)} == {0}
    assert seeds["y"].count(None) == 9  # ten seeds in one trace


def test_views_keep_their_order_and_titles() -> None:
    assert [(shown["label"], shown["xTitle"]) for shown in plots_of("anytime")] == [
        ("epochs", "epochs spent"),
        ("trials", "trials spent"),
        ("seconds", "seconds spent"),
    ]


def test_a_box_shows_every_point() -> None:
    [trace] = plot(Series("a", "box", ["p"] * 3, [1.0, 2.0, 3.0], "tpe"))["traces"]
    assert (trace["boxpoints"], trace["y"], trace["x"]) == ("all", [1.0, 2.0, 3.0], [0, 0, 0])


def test_a_whisker_reaches_from_low_to_high() -> None:
    [trace] = plot(Series("d", "whisker", [2.0], ["a – b"], low=[1.5], high=[4.0]))["traces"]
    assert (trace["error_x"]["arrayminus"], trace["error_x"]["array"]) == ([0.5], [2.0])


def test_shades_are_a_grid_with_holes() -> None:
    [trace] = plot(Series("s", "shade", ["p", "q", "p"], ["u", "u", "v"], z=[0.1, 0.9, 0.5], text=["1", "2", "3"]))[
        "traces"
    ]
    assert trace["z"] == [[0.1, 0.9], [0.5, None]]
    assert trace["text"] == [["1", "2"], ["3", ""]]


def test_names_along_y_are_read_from_the_top() -> None:
    axis = plot(Series("d", "whisker", [2.0, 1.0], ["a", "b"], low=[1, 0], high=[3, 2]))["layout"]["yaxis"]
    assert (axis["ticktext"], axis["range"]) == (["a", "b"], [1.5, -0.5])


def test_a_legend_that_repeats_the_axis_is_left_out() -> None:
    series = [Series(name, "box", [name], [1.0], name) for name in STRATEGIES]
    assert plot(*series)["legend"] == []
    assert len(plot(*[Series(name, "points", [1.0], [1.0], name) for name in STRATEGIES])["legend"]) == 4


def test_hovering_shows_the_text_the_numbers_and_true_zeros() -> None:
    [trace] = plot(
        Series("a", "step", [1, 2], [0.1, 0.0], text=["first", "<b>"]), y=Axis("regret (0: best)", is_log=True)
    )["traces"]
    assert trace["text"] == ["first", "&lt;b&gt;"]
    assert trace["customdata"] == ["0.1", "0"]
    assert trace["hovertemplate"].startswith("%{text}<br>x: %{x:.6~g}<br>regret: %{customdata}")


def test_lines_are_dashed_and_labelled_at_opposite_ends() -> None:
    lines = [("x", 1.0, "from here"), ("y", 2.0, "there")]
    first, second = plot(Series("a", "line", [1, 2], [1, 2]), lines=lines)["layout"]["shapes"]
    assert (first["x0"], first["x1"], first["line"]["dash"]) == (1.0, 1.0, "dash")
    assert (second["y0"], second["label"]["text"], second["label"]["textposition"]) == (2.0, "there", "start")


def test_what_is_no_finite_number_is_left_out() -> None:
    nan = float("nan")
    shown = plot(Series("a", "whisker", [1], [nan], low=[nan], high=[1]), lines=[("x", nan, "here")])
    assert "NaN" not in json.dumps(shown)


@pytest.mark.parametrize(("low", "dtick"), [(0.3, None), (0.05, "D2"), (0.0001, 1)])
def test_a_logarithmic_axis_is_numbered_by_its_length(low: float, dtick: object) -> None:
    shown = plot(Series("a", "step", [1, 2], [low, 0.6]), y=Axis("y", is_log=True))
    assert shown["layout"]["yaxis"].get("dtick") == dtick


@pytest.mark.parametrize("axis", [Axis("x", is_reversed=True), Axis("x", categories=["p", "q"], is_reversed=True)])
def test_a_reversed_axis_is_reversed(axis: Axis) -> None:
    shown = plot(Series("a", "points", ["p", "q"] if axis.categories else [1, 2], [1, 2]), x=axis)["layout"]["xaxis"]
    assert shown.get("autorange") == "reversed" or shown["range"] == [1.5, -0.5]


def test_a_view_of_nothing_is_a_plot_of_nothing() -> None:
    for kind in ("step", "points", "bar", "box", "band", "whisker", "shade"):
        shown = plot(Series("a", kind, []))  # type: ignore[arg-type]
        go.Figure(data=shown["traces"], layout=shown["layout"])
    assert plot()["traces"] == []


def test_states_have_colours_of_their_own_unless_a_strategy_has_the_name() -> None:
    series = [Series(state, "points", [1.0], [1.0], state) for state in ("COMPLETE", "PRUNED", "FAIL")]
    assert len({line["color"] for line in plot(*series)["legend"]} - {GREY}) == 3
    assert style_of(build_styles(["x", "y", "FAIL"]), "FAIL").color == COLORS[2]


def test_beyond_the_palette_dashes_and_markers_differ() -> None:
    names = [str(number) for number in range(20)]
    styles = build_styles(names)
    looks = {(styles[name].color, styles[name].dash, styles[name].symbol) for name in names}
    assert len(looks) == 20
