"""Curves by fate: which are drawn and how they are told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hpo.figures.figure import Figure
from hpo.figures.palette import build_styles, style_of
from hpo.report.analysis.records import Study, Trial
from hpo.report.document.content import Text
from hpo.report.sections.pruning import build_fates, choose
from tests.support.search_experiments import make_experiment, several

TRIAL = Trial(0, "COMPLETE", 0.5, 2, 1.0, 1.0, {}, (0.7, 0.5))


def study(n_complete: int, n_pruned: int, n_failed: int) -> Study:
    states = ["COMPLETE"] * n_complete + ["PRUNED"] * n_pruned + ["FAIL"] * n_failed
    trials = [replace(TRIAL, number=n, state=state, curve=(0.7, 0.5 + n / 1e4)) for n, state in enumerate(states)]
    return Study("s", "", "asha", 0, tuple(trials))


def view(*studies: Study):
    (figure,) = build_fates(make_experiment(studies)).blocks
    assert isinstance(figure, Figure)
    return figure.views[0]


def test_every_fate_has_its_colour_and_one_line_in_the_legend() -> None:
    series = view(study(3, 2, 1)).series
    legend = [(one.name, one.strategy) for one in series if one.in_legend]
    assert legend == [("complete", "COMPLETE"), ("pruned", "PRUNED"), ("failed", "FAIL")]
    ends = [one for one in series if one.kind == "points"]
    assert [(one.strategy, len(one.x)) for one in ends] == [("PRUNED", 2), ("FAIL", 1)]


def test_a_fate_is_drawn_in_its_colour_unless_a_strategy_has_its_name() -> None:
    styles = build_styles(["random", "tpe"])
    colors = {style_of(styles, name).color for name in ("COMPLETE", "PRUNED", "FAIL", None, "unheard of")}
    assert len(colors) == 4  # the last two are grey
    named = build_styles(["FAIL"])
    assert style_of(named, "FAIL") == named["FAIL"]


@pytest.mark.parametrize(("n", "expected"), [((3000, 900, 1), 199), ((100, 50, 50), 200), ((10, 0, 0), 10)])
def test_of_many_curves_the_same_share_of_each_fate_is_drawn(n, expected) -> None:
    curves = [(study(0, 0, 0), trial) for trial in study(*n).trials]
    chosen = choose(curves, 200)
    assert abs(len(chosen) - expected) <= 2
    assert len({trial.number for _, trial in chosen}) == len(chosen)
    assert {trial.state for _, trial in chosen} == {trial.state for _, trial in curves}
    assert chosen == choose(curves, 200)


def test_the_caption_says_how_many_of_how_many() -> None:
    section = build_fates(several(n_seeds=4))
    (figure,) = section.blocks
    assert isinstance(figure, Figure)
    assert f"{section.numbers['n_drawn']} of 320 curves" in figure.caption


def test_a_diverged_curve_makes_the_axis_logarithmic() -> None:
    assert view(study(30, 0, 0)).y.is_log is False
    wild = Study("s", "", "asha", 0, (TRIAL, replace(TRIAL, number=1, state="FAIL", value=None, curve=(1.0, 1e6))))
    assert view(wild).y.is_log is True


def test_without_curves_a_sentence() -> None:
    bare = Study("s", "", "asha", 0, (replace(TRIAL, curve=()),))
    assert isinstance(build_fates(make_experiment([bare])).blocks[0], Text)
