"""Places in the unit cube and distances between them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.report.analysis.records import Trial
from hpo.report.analysis.spaces import (
    choice_names,
    distances,
    draw_places,
    is_inside,
    is_ordered,
    known_params,
    places_of,
    space_of,
)
from tests.support.search_experiments import SPACE, make_experiment, make_study

KIND = CategoricalDistribution(["awd", "qrnn", "lstm"])
SIZES = CategoricalDistribution([64, 128, 256])
MIXED = {
    "lr": FloatDistribution(1e-4, 1e-2, log=True),
    "n": IntDistribution(2, 10, step=2),
    "kind": KIND,
    "size": SIZES,
}


def trial(**params: object) -> Trial:
    return Trial(0, "COMPLETE", 0.5, 1, 1.0, 1.0, params)  # type: ignore[arg-type]


def test_places_follow_the_scale_of_each_param() -> None:
    found = places_of([trial(lr=1e-3, n=4, kind="lstm", size=128), trial(lr=1e-4, n=3, kind="gru")], MIXED)
    assert found[0].tolist() == pytest.approx([0.5, 0.25, 1.0, 0.5])
    assert found[1][0] == 0.0
    assert np.isnan(found[1][1:]).all()  # 3 is no step, gru no choice, size is not set


@pytest.mark.parametrize(
    ("distribution", "value", "expected"),
    [
        (FloatDistribution(0.0, 1.0), 1.0, True),
        (FloatDistribution(0.0, 1.0), 1.1, False),
        (FloatDistribution(0.0, 1.0), math.nan, False),
        (FloatDistribution(0.0, 1.0), None, False),
        (FloatDistribution(0.0, 1.0), True, False),
        (FloatDistribution(0.0, 1.0, step=0.1), 0.3, True),
        (FloatDistribution(0.0, 1.0, step=0.1), 0.35, False),
        (IntDistribution(1, 9), 4.0, True),
        (SIZES, 128.0, True),
        (CategoricalDistribution([0, 1]), True, False),
        (CategoricalDistribution([True, False]), True, True),
        (KIND, "gru", False),
    ],
)
def test_values_inside_a_distribution(distribution, value, expected) -> None:
    assert is_inside(distribution, value) is expected


def test_a_missing_param_is_not_the_choice_none() -> None:
    space = {"kind": CategoricalDistribution(["awd", None])}
    assert known_params(trial(), space) == {}
    assert known_params(trial(kind=None), space) == {"kind": None}


def test_choices_have_an_order_if_they_are_numbers() -> None:
    assert is_ordered(SIZES)
    assert not is_ordered(KIND)
    assert not is_ordered(CategoricalDistribution([True, False]))
    assert choice_names(KIND) == ["awd", "qrnn", "lstm"]
    assert choice_names(SIZES) == []
    assert choice_names(SPACE["train.lr"]) == []


def test_distance_is_the_mean_difference_over_params() -> None:
    ones = places_of([trial(lr=1e-4, n=2, kind="awd", size=64)], MIXED)
    others = places_of(
        [trial(lr=1e-3, n=10, kind="qrnn", size=128), trial(lr=1e-4, n=2, kind="awd", size=64), trial(lr=1e-4)], MIXED
    )
    found = distances(ones, others, MIXED)
    assert found.tolist() == [pytest.approx([(0.5 + 1 + 1 + 0.5) / 4, 0.0, 3 / 4])]
    assert pytest.approx(found) == distances(others, ones, MIXED).T
    bare = places_of([trial(lr=1e-4)], MIXED)
    assert distances(bare, bare, MIXED).tolist() == [[0.0]]  # params that neither has do not count


def test_drawn_places_are_even_and_possible() -> None:
    found = draw_places(MIXED, 3000, np.random.default_rng(0))
    assert found.mean(axis=0) == pytest.approx([0.5] * 4, abs=0.03)
    assert set(found[:, 1]) == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert set(found[:, 2]) == {0.0, 0.5, 1.0}
    assert found.shape == (3000, 4)
    assert np.array_equal(found, draw_places(MIXED, 3000, np.random.default_rng(0)))


def test_the_space_is_as_searched_or_as_observed() -> None:
    study = make_study("random", 0)
    assert list(space_of(make_experiment([study]), "")) == list(SPACE)
    assert space_of(make_experiment([study]), "") == SPACE
    observed = space_of(make_experiment([study], spaces={}), "")
    assert set(observed) == set(SPACE)
    rates = [float(trial.params["train.lr"]) for trial in study.trials]
    assert (observed["train.lr"].low, observed["train.lr"].high) == (min(rates), max(rates))  # type: ignore[attr-defined]


def test_params_of_one_value_and_params_nobody_has_are_left_out() -> None:
    spaces = {"": {**SPACE, "model.fixed": FloatDistribution(1.0, 1.0), "model.unused": FloatDistribution(0.0, 1.0)}}
    assert list(space_of(make_experiment([make_study("random", 0)], spaces=spaces), "")) == list(SPACE)
