"""Tables of pairs: the same numbers as the libraries, signs as people read them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Table
from hpo.report.sections.pairs import build_forest, build_pairs
from tests.support.noise_experiments import experiment, normal


def made(**changes) -> Experiment:
    strategies = {"random": normal(), "tpe": normal(-2), "gp": normal(-1)}
    return experiment(strategies, rng=np.random.default_rng(0), n_seeds=9, rope=0.25, **changes)


def pairs(of: Experiment):
    return build_pairs(Analysis(of, n_resamples=500))


def test_the_p_is_that_of_scipy_on_the_paired_incumbents() -> None:
    of = made()
    _, numbers = pairs(of)
    bests = {name: [min(t.value for t in s.trials) for s in of.of(strategy=name)] for name in of.strategies}
    differences = np.array(bests["random"]) - np.array(bests["tpe"])
    first = numbers[0]
    assert first["p"] == pytest.approx(stats.wilcoxon(differences, zero_method="zsplit", method="exact").pvalue)
    walsh = [(x + y) / 2 for i, x in enumerate(differences) for y in differences[i:]]
    assert first["difference"] == pytest.approx(np.median(walsh))
    assert (first["low"], first["high"]) == pytest.approx((sorted(walsh)[5], sorted(walsh)[-6])), "P(W <= 5) = .0195"
    assert first["n"] == 9
    u = stats.mannwhitneyu(bests["tpe"], bests["random"]).statistic
    assert first["probability_of_improvement"] == pytest.approx(u / 81)
    assert first["win_rate"] == (differences < 0).mean()


def test_the_control_has_a_correction_of_its_own() -> None:
    _, numbers = pairs(made())
    assert [number["holm_p_against_control"] is None for number in numbers] == [False, False, True]
    assert all(n["p"] <= n["holm_p_against_control"] <= n["holm_p"] for n in numbers[:2])


def test_differences_are_in_units_of_the_metric_whatever_the_direction() -> None:
    up = replace(made(), direction="maximize")
    _, numbers = pairs(up)
    bests = {name: [max(t.value for t in s.trials) for s in up.of(strategy=name)] for name in up.strategies}
    differences = np.subtract(bests["random"], bests["tpe"])
    assert numbers[0]["low"] < numbers[0]["difference"] < numbers[0]["high"]
    assert differences.min() < numbers[0]["difference"] < differences.max()
    assert np.sign(numbers[0]["difference"]) == np.sign(np.median(differences))


def test_tables_and_figure() -> None:
    (tests, effects), _ = pairs(made())
    figure = build_forest(Analysis(made()))
    assert isinstance(tests, Table)
    assert isinstance(effects, Table)
    assert [row[0] for row in tests.rows] == ["random − tpe", "random − gp", "tpe − gp"]
    assert all(len(row) == len(table.columns) for table in (tests, effects) for row in table.rows)
    assert [line[1] for line in figure.views[0].lines] == [-0.25, 0.25]


def test_pairs_without_a_seed_in_common_have_dashes() -> None:
    of = made()
    apart = tuple(replace(s, seed=s.seed + 100) if s.strategy == "gp" else s for s in of.studies)
    (_, effects), _ = pairs(replace(of, studies=apart))
    assert effects.rows[1][1:5] == [0, None, None, None]
    assert list(build_forest(Analysis(replace(of, studies=apart))).views[0].series[0].y) == ["random − tpe"]


def test_the_forest_shows_effects_without_an_interval_as_points() -> None:
    few = experiment({"a": normal(), "b": normal(-2)}, rng=np.random.default_rng(0), n_seeds=5)
    (series,) = build_forest(Analysis(few)).views[0].series
    assert (series.kind, list(series.y)) == ("points", ["a − b"])
