"""The performance section: tables, gaps and every seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.figures.figure import Figure
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Section, Text
from hpo.report.sections.performance import build_performance
from tests.support.noise_experiments import confirmed, experiment, normal, study, trial


def made(**changes) -> Experiment:
    strategies = {"random": normal(), "tpe": normal(-2)}
    return experiment(strategies, rng=np.random.default_rng(0), n_seeds=4, **changes)


def retrained() -> Experiment:
    """Returns an experiment whose best configurations are one worse when retrained and two worse on test."""
    of = made()
    studies = []
    for own in of.studies:
        best = min(t.value for t in own.complete if t.value is not None)
        studies.append(replace(own, confirmed=(confirmed(best, [best + 0.5, best + 1.5], [best + 2]),)))
    return replace(of, studies=tuple(studies))


def block(section: Section, key: str):
    return next((each for each in section.blocks if getattr(each, "key", None) == key), None)


def test_values_are_averaged_over_seeds() -> None:
    of = made()
    table = block(build_performance(Analysis(of)), "performance")
    bests = [min(t.value for t in s.trials) for s in of.of(strategy="tpe")]
    row = next(row for row in table.rows if row[0] == "tpe")
    assert row[2:] == [
        pytest.approx(np.mean(bests)),
        pytest.approx(np.mean(sorted(bests)[1:3])),
        pytest.approx(np.std(bests, ddof=1)),
        4,
    ]
    assert [column.title for column in table.columns][:2] == ["strategy", "value"]
    assert all("valid_loss" in column.title for column in table.columns[2:5])


def test_gaps_show_what_was_not_kept() -> None:
    section = build_performance(Analysis(retrained()))
    gaps = {row[1]: row[2] for row in block(section, "performance-gaps").rows if row[0] == "tpe"}
    assert list(gaps.values()) == pytest.approx([-1.0, -1.0])
    assert section.numbers["task"]["tpe"]["confirmed − test"]["mean"] == pytest.approx(-1)  # type: ignore[index]


def test_without_confirmation_it_says_so_and_has_no_gaps() -> None:
    section = build_performance(Analysis(made()))
    assert block(section, "performance-gaps") is None
    assert block(section, "performance-test") is None
    assert any("No configuration was confirmed" in each.text for each in section.blocks if isinstance(each, Text))


def test_without_a_test_part_the_retrained_values_are_shown() -> None:
    of = retrained()
    untested = [replace(own, confirmed=(replace(own.confirmed[0], tests=()),)) for own in of.studies]
    section = build_performance(Analysis(replace(of, studies=tuple(untested))))
    values = {row[1]: row[2] for row in block(section, "performance").rows if row[0] == "tpe"}
    assert values["confirmed mean"] == pytest.approx(values["best value seen in the search"] + 1)
    assert block(section, "performance-seeds").title == "Every seed: confirmed mean"
    assert any("the confirmed mean is free of that" in each.text for each in section.blocks if isinstance(each, Text))


def test_figures_show_every_seed_the_pairs_and_test_against_validation() -> None:
    section = build_performance(Analysis(retrained()))
    seeds, pairs, test = (block(section, f"performance-{key}") for key in ("seeds", "pairs", "test"))
    assert [series.kind for series in seeds.views[0].series] == ["box", "box"]
    assert len(pairs.views[0].series) == 4
    assert test.views[0].lines == [("diagonal", 0.0, "test = validation")]
    for figure in (seeds, pairs, test):
        assert isinstance(figure, Figure)
        assert figure.caption.endswith(".")


def test_a_missing_seed_breaks_the_line_of_its_pair() -> None:
    of = made()
    pairs = block(build_performance(Analysis(replace(of, studies=of.studies[:-1]))), "performance-pairs")
    assert list(pairs.views[0].series[-1].y)[1] is None


def test_diagnostics_appear_when_every_trial_has_a_test_value() -> None:
    of = made()
    tested = tuple(replace(s, trials=tuple(replace(t, test=1.0 - t.number) for t in s.trials)) for s in of.studies)
    names = {row[1] for row in block(build_performance(Analysis(replace(of, studies=tested))), "performance-gaps").rows}
    assert {"overtuning (diagnostic)", "oracle test (diagnostic)"} <= names


def test_tasks_are_views_and_rows() -> None:
    section = build_performance(Analysis(made(tasks=["t", "u"])))
    assert [view.label for view in block(section, "performance-seeds").views] == ["t", "u"]
    assert {row[0] for row in block(section, "performance").rows} == {"t", "u"}


def test_little_is_no_obstacle() -> None:
    failed = replace(made(), studies=(replace(study("a", 0, []), trials=(trial(0, None, state="FAIL"),)),))
    (text,) = build_performance(Analysis(failed)).blocks
    assert isinstance(text, Text)
    one = experiment({"a": normal()}, rng=np.random.default_rng(0), n_seeds=1)
    assert block(build_performance(Analysis(one)), "performance").rows[0][4] is None
    assert block(build_performance(Analysis(one)), "performance-pairs") is None
