"""The anytime section: its figures, its numbers, what it leaves to the clock."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.figures.figure import Figure
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.incumbents import expected_curve
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Section, Table, Text
from hpo.report.sections.anytime import build_anytime
from tests.support.noise_experiments import costly, experiment, normal, study, trial

FACTS = {"sampler": "tpe", "n_startup_trials": "4"}


def made(*, n_seeds: int = 8, **changes) -> Experiment:
    strategies = {"random": normal(), "tpe": normal(-1)}
    return experiment(strategies, rng=np.random.default_rng(0), n_seeds=n_seeds, **changes)


def figure(section: Section, key: str = "anytime") -> Figure:
    return next(block for block in section.blocks if isinstance(block, Figure) and block.key == key)


def kinds(section: Section) -> set[str]:
    return {series.kind for view in figure(section).views for series in view.series}


def test_views_are_the_units_and_the_interquartile_mean() -> None:
    shown = figure(build_anytime(Analysis(made(), n_resamples=50)))
    assert [view.label for view in shown.views] == ["trials", "trials, IQM", "epochs", "seconds"]
    assert sum(series.kind == "thin" for series in shown.views[0].series) == 16
    assert shown.caption.endswith(".")


def test_bands_take_six_seeds() -> None:
    assert "band" in kinds(build_anytime(Analysis(made(n_seeds=6), n_resamples=50)))
    few = kinds(build_anytime(Analysis(made(n_seeds=5), n_resamples=50)))
    assert "band" not in few
    assert "points" in few


def test_the_mean_is_of_the_incumbents_of_all_seeds() -> None:
    of = made()
    numbers = build_anytime(Analysis(of, n_resamples=50)).numbers["task"]["at"]["tpe"]["50 %"]  # type: ignore[index]
    bests = [min(t.value for t in s.trials[:6] if t.value is not None) for s in of.of(strategy="tpe")]
    assert numbers["mean"] == pytest.approx(np.mean(bests))
    assert numbers["low"] < numbers["mean"] < numbers["high"]
    assert numbers["IQM"] == pytest.approx(np.mean(sorted(bests)[2:6]))


def test_higher_is_better_when_maximising() -> None:
    of = replace(made(), direction="maximize")
    numbers = build_anytime(Analysis(of, n_resamples=50)).numbers["task"]["at"]["tpe"]["100 %"]  # type: ignore[index]
    bests = [max(t.value for t in s.trials if t.value is not None) for s in of.of(strategy="tpe")]
    assert numbers["mean"] == pytest.approx(np.mean(bests))
    assert numbers["low"] < numbers["mean"] < numbers["high"]


def test_random_search_has_its_expectation_over_all_orders() -> None:
    of = made()
    section = build_anytime(Analysis(of, n_resamples=50))
    found = expected_curve(of, "random", "task", worst=0)
    assert found is not None
    assert section.numbers["task"]["expected"] == {"random": found[1].tolist()}  # type: ignore[index]
    names = [series.name for series in figure(section).views[0].series]
    assert "random, expected" in names


def test_curves_shorter_than_the_budget_hold_their_last_value() -> None:
    of = made()
    short = replace(of.studies[-1], trials=of.studies[-1].trials[:2])
    section = build_anytime(Analysis(replace(of, studies=(*of.studies[:-1], short)), n_resamples=50))
    line = next(series for series in figure(section).views[0].series if series.name == "tpe, seed 7")
    assert line.x[-1] == 12
    assert line.y[-1] == line.y[-2]


def test_a_mean_ends_where_a_running_study_is() -> None:
    of = made()
    running = replace(of.studies[-1], trials=of.studies[-1].trials[:7], is_ended=False)
    section = build_anytime(Analysis(replace(of, studies=(*of.studies[:-1], running)), n_resamples=50))
    at = section.numbers["task"]["at"]["tpe"]  # type: ignore[index]
    assert at["50 %"]["mean"] is not None
    assert at["100 %"]["mean"] is None


def test_a_line_stands_where_a_strategy_becomes_adaptive() -> None:
    of = made()
    studies = tuple(replace(s, facts=FACTS) if s.strategy == "tpe" else s for s in of.studies)
    views = figure(build_anytime(Analysis(replace(of, studies=studies), n_resamples=50))).views
    assert views[0].lines == [("x", 4.0, "adaptive from here: tpe")]
    assert views[3].lines == [("x", 8.0, "adaptive from here: tpe")]


def test_seconds_are_left_to_the_clock() -> None:
    of = made()
    slow = tuple(
        replace(s, trials=tuple(replace(t, seconds=9 * t.seconds, ended_s=9 * (t.ended_s or 0)) for t in s.trials))
        for s in of.studies
    )
    fast, slowed = (
        build_anytime(Analysis(of, n_resamples=50)),
        build_anytime(Analysis(replace(of, studies=slow), n_resamples=50)),
    )
    assert fast.numbers == slowed.numbers
    assert fast.clock != slowed.clock


def test_test_values_over_the_budget_are_there_when_all_trials_have_them() -> None:
    of = made()
    tested = tuple(replace(s, trials=tuple(replace(t, test=1.0) for t in s.trials)) for s in of.studies)
    section = build_anytime(Analysis(replace(of, studies=tested), n_resamples=50))
    shown = figure(section, "anytime-test").views[0].series
    assert {float(str(y)) for series in shown if series.kind == "step" for y in series.y} == {1.0}
    assert not any(
        getattr(block, "key", "") == "anytime-test" for block in build_anytime(Analysis(of, n_resamples=50)).blocks
    )


def test_every_task_has_a_figure_and_the_same_seed_the_same_section() -> None:
    of = made(n_seeds=3, tasks=["t", "u"])
    section = build_anytime(Analysis(of, n_resamples=50))
    assert [block.key for block in section.blocks if isinstance(block, Figure)] == ["anytime-1", "anytime-2"]
    assert [block.key for block in section.blocks if isinstance(block, Table)] == ["anytime-means"]
    assert section == build_anytime(Analysis(of, n_resamples=50))


def test_nothing_complete_is_said() -> None:
    of = replace(made(), studies=(replace(study("a", 0, []), trials=(trial(0, None, state="FAIL"),)),))
    texts = [block.text for block in build_anytime(Analysis(of)).blocks if isinstance(block, Text)]
    assert any("no trial is COMPLETE" in text for text in texts)


def test_a_study_that_failed_throughout_counts_with_the_worst_value() -> None:
    of = made()
    failed = replace(of.studies[-1], trials=tuple(trial(n, None, state="FAIL") for n in range(12)))
    section = build_anytime(Analysis(replace(of, studies=(*of.studies[:-1], failed)), n_resamples=50))
    worst = max(t.value for s in of.studies[:-1] for t in s.trials if t.value is not None)
    bests = [min(t.value for t in s.trials if t.value is not None) for s in of.studies[8:-1]]
    at = section.numbers["task"]["at"]["tpe"]["100 %"]  # type: ignore[index]
    assert at["mean"] == pytest.approx(np.mean([*bests, worst]))
    assert any("1 study of tpe" in block.text for block in section.blocks if isinstance(block, Text))


def test_who_is_not_compared_has_no_mean() -> None:
    late = [costly("tpe", seed, [1.0], epochs=90) for seed in range(8)]
    of = made(unit="epochs", is_least=True)
    section = build_anytime(Analysis(replace(of, studies=(*of.of(strategy="random"), *late)), n_resamples=50))
    assert set(section.numbers["task"]["at"]) == {"random"}  # type: ignore[index]
    assert not any("COMPLETE" in text for text in notes(section))
    given = replace(of, studies=(*of.of(strategy="random"), *late), is_least=False)
    assert any("Without any COMPLETE trial: 8 studies of tpe" in text for text in notes(build_anytime(Analysis(given))))


def notes(section: Section) -> list[str]:
    return [block.text for block in section.blocks if isinstance(block, Text)]
