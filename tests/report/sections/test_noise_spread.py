"""The pooled spread of equal params, against an analysis of variance and a simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.formula.api as smf
from pandas import DataFrame

from hpo.report.analysis.records import Confirmed, Study, Trial
from hpo.report.sections.noise import SEARCH, TEST, VALIDATION, groups_of, pooled_spread
from tests.support.search_experiments import make_experiment


def test_it_is_the_residual_of_an_analysis_of_variance() -> None:
    groups = [[1.0, 2.0, 4.0], [10.0, 11.0], [5.0], [3.0, 3.5, 3.1, 2.9]]
    found = pooled_spread(groups)
    rows = [(str(place), value) for place, group in enumerate(groups) for value in group]
    fit = smf.ols("value ~ C(params)", DataFrame(rows, columns=["params", "value"])).fit()
    assert found is not None
    assert (found.n_groups, found.df) == (3, int(fit.df_resid))
    assert found.sd == pytest.approx(math.sqrt(fit.mse_resid))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    found = [pooled_spread(rng.normal(size=(4, 3)).tolist()) for _ in range(1000)]
    covered = [one is not None and one.low <= 1 <= one.high for one in found]
    assert 0.93 <= np.mean(covered) <= 0.97


def test_two_trainings_differ_as_often_as_it_says() -> None:
    found = pooled_spread([[-1.0, 1.0]])
    assert found is not None
    rng = np.random.default_rng(0)
    gaps = np.abs(np.diff(rng.normal(scale=found.sd, size=(100_000, 2))))
    assert found.exceeding(2.0) == pytest.approx(float((gaps > 2.0).mean()), abs=0.01)


def test_nothing_repeated_is_nothing_and_equal_values_are_no_noise() -> None:
    assert pooled_spread([]) is None
    assert pooled_spread([[1.0], [2.0]]) is None
    same = pooled_spread([[0.5, 0.5, 0.5]])
    assert same is not None
    assert (same.sd, same.low, same.high, same.exceeding(0.1)) == (0.0, 0.0, 0.0, 0.0)


def study(strategy: str, seed: int, *trials: Trial, confirmed: tuple[Confirmed, ...] = ()) -> Study:
    return Study(f"{strategy}{seed}", "", strategy, seed, trials, confirmed)


def trial(number: int, value: float, x: int) -> Trial:
    return Trial(number, "COMPLETE", value, 1, 1.0, 1.0, {"x": x})


def test_retrainings_that_two_studies_share_count_once() -> None:
    again = Confirmed(0, 0.5, (0.4, 0.6), (0.5, 0.7), 0, 2, 2)
    studies = [study(name, 0, trial(0, 0.5, 1), confirmed=(again,)) for name in ("random", "tpe")]
    other = study("tpe", 1, trial(0, 0.5, 1), confirmed=(replace(again, values=(0.3, 0.6), tests=()),))
    found = groups_of(make_experiment([*studies, other]), "")
    assert found[VALIDATION] == [[0.4, 0.6], [0.3, 0.6]]
    assert found[TEST] == [[0.5, 0.7], []]


def test_searches_repeat_params_with_other_seeds() -> None:
    first = study("grid", 0, trial(0, 0.5, 1), trial(1, 0.9, 2))
    copy = study("random", 0, trial(0, 0.5, 1))  # the same training: equal seed, number and params
    second = study("grid", 1, trial(0, 0.7, 2), trial(1, 0.6, 1))
    assert groups_of(make_experiment([first, copy, second]), "")[SEARCH] == [[0.5, 0.6], [0.9, 0.7]]
