"""Regret, ranks and areas against values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad

from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import area, mean_ranks, regrets, scales
from tests.support.noise_experiments import costly, experiment, normal, study, trial


def made(*studies, **changes) -> Experiment:
    of = experiment({"x": normal()}, rng=np.random.default_rng(0), n_trials=3)
    return replace(of, studies=studies, **changes)


def test_regret_is_the_share_of_the_way_from_the_best_to_a_random_evaluation() -> None:
    of = made(study("random", 0, [6, 6, 5]), study("tpe", 0, [8, 4, 2]))
    found = regrets(of, scales(of))
    assert found is not None
    assert found.along.tolist() == [1, 2, 3]
    assert found.rows["random"]["task", 0] == pytest.approx([1, 1, 0.75])
    assert found.rows["tpe"]["task", 0] == pytest.approx([1.5, 0.5, 0])
    assert mean_ranks(found, of.strategies, tasks=of.tasks)[:, 0].tolist() == [[1, 2, 2], [2, 1, 1]]


def test_without_an_incumbent_a_study_has_the_worst_value_seen() -> None:
    late = replace(study("tpe", 0, []), trials=(trial(0, None, state="FAIL"), trial(1, 2.0), trial(2, 9.0)))
    of = made(study("random", 0, [6, 6, 5]), late)
    found = regrets(of, scales(of))
    assert found is not None
    assert found.rows["tpe"]["task", 0] == pytest.approx([(9 - 2) / 4, 0, 0])
    assert found.ranked["tpe"]["task", 0][0] == math.inf
    assert mean_ranks(found, of.strategies, tasks=of.tasks)[:, 0, 0].tolist() == [1, 2]


def test_capped_regret_ends_at_a_median_random_evaluation_and_leaves_ranks_alone() -> None:
    of = made(study("random", 0, [6, 6, 5]), study("tpe", 0, [1e9, 4, 2]))
    found = regrets(of, scales(of))
    assert found is not None
    assert found.capped().rows["tpe"]["task", 0] == pytest.approx([1, 0.5, 0])
    assert found.capped().rows["random"]["task", 0] == pytest.approx([1, 1, 0.75])
    assert found.capped().ranked == found.ranked


def test_units_are_seeds_or_means_of_tasks() -> None:
    studies = [study("random", seed, [4, 2 + seed, 2], task=task) for task in "tu" for seed in (0, 1)]
    of = made(*studies)
    found = regrets(of, scales(of))
    assert found is not None
    assert found.units("random", tasks=of.tasks).shape == (2, 3)
    rows = [found.rows["random"]["t", seed] for seed in (0, 1)]
    assert found.units("random", tasks=of.tasks)[0] == pytest.approx(np.mean(rows, axis=0))
    assert found.units("random", tasks=["t"]).shape[0] == 4


def test_nothing_complete_has_no_regret() -> None:
    of = made(replace(study("a", 0, []), trials=(trial(0, None, state="FAIL"),)))
    assert regrets(of, scales(of)) is None


def test_the_area_is_the_integral_over_log_cost() -> None:
    along, row = np.array([2.0, 5.0, 8.0, 10.0]), np.array([1.0, 0.5, 0.2, 0.2])
    integral = quad(
        lambda u: row[np.searchsorted(along, math.exp(u), side="right") - 1], math.log(2), math.log(10), limit=200
    )[0]
    assert area(row, along, first=2.0, budget=10.0) == pytest.approx(integral / math.log(5), rel=1e-3)
    assert area(row, along, first=10.0, budget=10.0) is None
    assert area(np.array([1.0, np.nan, 1, 1]), along, first=2.0, budget=10.0) is None


def test_who_is_not_compared_has_neither_regret_nor_rank() -> None:
    of = made(study("random", 0, [6, 6, 5]), costly("tpe", 0, [1.0], epochs=9), unit="epochs", is_least=True)
    found = regrets(of, scales(of))
    assert found is not None
    assert (set(found.rows["random"]), found.rows["tpe"]) == ({("task", 0)}, {})
    assert mean_ranks(found, of.strategies, tasks=of.tasks).shape == (2, 0, 2)
    given = regrets(replace(of, is_least=False), scales(of))
    assert given is not None
    assert list(given.ranked["tpe"]["task", 0]) == [math.inf] * 2
