"""Pools of evaluations: when an expectation over all orders exists, and that it is one."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from hpo.report.analysis.incumbents import expected_curve, twice_the_budget
from hpo.report.analysis.records import Experiment
from tests.support.noise_experiments import experiment, normal, study, trial


def made(*studies, budget: float = 4, **changes) -> Experiment:
    of = experiment({"x": normal()}, rng=np.random.default_rng(0))
    return replace(of, studies=studies, budget=budget, **changes)


def expected(of: Experiment, strategy: str, *, worst: float) -> list[float]:
    found = expected_curve(of, strategy, "task", worst=worst)
    assert found is not None
    draws, values = found
    assert draws.tolist() == list(range(1, draws.size + 1))
    return values.tolist()


def test_a_grids_curve_is_the_mean_over_all_orders_of_its_cells() -> None:
    cells = [4.0, 2.0, 7.0, 1.0]
    orders = np.minimum.accumulate(list(permutations(cells)), axis=1).mean(axis=0)
    of = made(study("grid", 0, cells), study("grid", 1, cells[::-1]))
    assert expected(of, "grid", worst=9) == pytest.approx(orders)


def test_random_search_is_one_pool_over_seeds() -> None:
    of = made(study("random", 0, [4.0, 2.0]), study("random", 1, [7.0, 1.0]))
    assert expected(of, "random", worst=9) == pytest.approx([3.5, np.mean([2, 4, 1, 2, 1, 1])])


def test_failures_are_charged_and_trials_beyond_the_budget_are_not_there() -> None:
    own = study("random", 0, [4.0, 2.0, 0.0])
    own = replace(own, trials=(own.trials[0], trial(1, None, state="FAIL"), own.trials[2]))
    assert expected(made(own, budget=2), "random", worst=10) == pytest.approx([7, 4])


@pytest.mark.parametrize(
    "own",
    [
        study("tpe", 0, [1.0, 2.0]),
        study("random", 0, [1.0, 2.0], facts={"sampler": "random", "pruner": "asha"}),
        replace(study("random", 0, [1.0]), trials=(replace(trial(0, 1.0), state="PRUNED"),)),
        study("random", 0, []),
    ],
)
def test_no_expectation_where_order_matters_or_nothing_is_known(own) -> None:
    assert expected_curve(made(own), own.strategy, "task", worst=9) is None


def test_twice_the_budget_is_drawn_from_all_seeds() -> None:
    of = made(study("random", 0, [4.0, 2.0]), study("random", 1, [7.0, 1.0]), study("tpe", 0, [0.0]))
    assert twice_the_budget(of, "task", worst=9) == (pytest.approx(1.0), 4)
    assert twice_the_budget(made(of.studies[0]), "task", worst=9) is None
    assert twice_the_budget(made(of.studies[2]), "task", worst=9) is None
