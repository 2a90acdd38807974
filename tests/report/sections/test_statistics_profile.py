"""Diagrams over several tasks."""

from __future__ import annotations

import numpy as np

from hpo.figures.figure import Figure
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Text
from hpo.report.sections.statistics import build_profile, build_ranking
from hpo.statistics.paired import Ranking
from tests.support.noise_experiments import experiment, normal


def made(n_tasks: int = 3) -> Experiment:
    return experiment(
        {"a": normal(), "b": normal(-2)},
        rng=np.random.default_rng(0),
        n_seeds=2,
        tasks=[f"t{n}" for n in range(n_tasks)],
    )


def test_groups_are_drawn_only_when_friedman_finds_a_difference() -> None:
    clear = Ranking(("a", "b", "c"), (1.2, 2.9, 1.4), 9, 0.001, 0.5)
    figure, text = build_ranking(made(), clear)
    assert isinstance(figure, Figure)
    assert isinstance(text, Text)
    assert "a and c" in text.text
    assert figure.views[0].y.categories == ["a", "c", "b"]
    assert [series.kind for series in figure.views[0].series] == ["step", "points", "points", "points"]
    (unclear,) = build_ranking(made(), Ranking(("a", "b", "c"), (1.9, 2.1, 2.0), 9, 0.7, 0.5))
    assert isinstance(unclear, Figure)
    assert [series.kind for series in unclear.views[0].series] == ["points"] * 3


def test_the_profile_is_the_share_of_final_regrets_up_to_tau() -> None:
    (figure,) = build_profile(Analysis(made()))
    assert isinstance(figure, Figure)
    a, b = figure.views[0].series
    assert a.y[-1] == b.y[-1] == 1.0
    assert a.x[-1] == b.x[-1]
    assert b.y[0] == 0.5, "the best of each of three tasks, out of six"


def test_one_task_has_neither() -> None:
    assert build_profile(Analysis(made(1))) == []
    assert build_ranking(made(1), Ranking(("a", "b", "c"), (1.0, 2.0, 3.0), 9, 0.001, 0.5)) == []
