"""Agreement of the best trials over seeds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.document.content import Table, Text
from hpo.report.sections.coverage import best_trials, build_agreement, mean_distance
from tests.support.search_experiments import SPACE, make_experiment, make_study, several

LINE = {"x": FloatDistribution(0.0, 1.0)}


def study(strategy: str, seed: int, x: float) -> Study:
    trials = (
        Trial(0, "COMPLETE", 0.1, 1, 1.0, 1.0, {"x": x}),
        Trial(1, "COMPLETE", 0.2, 1, 1.0, 2.0, {"x": 0.9}),
        Trial(2, "PRUNED", 0.0, 1, 1.0, 3.0, {"x": 0.8}),
    )
    return Study(f"{strategy}{seed}", "", strategy, seed, trials, facts={"sampler": strategy})


def build(experiment: Experiment):
    return build_agreement(experiment, {"": experiment.spaces[""]}, np.random.default_rng(0))


def test_seeds_that_agree_are_told_from_seeds_that_do_not() -> None:
    same = [study("same", seed, 0.3) for seed in range(3)]
    apart = [study("apart", seed, x) for seed, x in enumerate([0.0, 0.5, 1.0])]
    section = build(make_experiment([*same, *apart], spaces={"": LINE}))
    found = section.numbers["all trials"]
    assert found["same"].relative == 0  # type: ignore[index]
    assert found["apart"].spread == pytest.approx((0.5 + 0.5 + 1) / 3)  # type: ignore[index]
    assert found["apart"].relative == pytest.approx((2 / 3) / (1 / 3), rel=0.1)  # type: ignore[index]
    assert (found["same"].n_best, found["same"].n_different) == (3, 1)  # type: ignore[index]


def test_random_pairs_come_from_random_search_where_there_is_one() -> None:
    trials = tuple(Trial(n, "COMPLETE", 1.0 + n, 1, 1.0, 1.0, {"x": 0.5 + 0.001 * (n % 2)}) for n in range(30))
    narrow = Study("r", "", "random", 0, trials, facts={"sampler": "random"})
    section = build(make_experiment([narrow, study("tpe", 0, 0.2)], spaces={"": LINE}))
    table = section.blocks[0]
    assert isinstance(table, Table)
    assert table.rows[0][4] == pytest.approx(0.0005, rel=0.1)


def test_the_mean_distance_is_over_different_pairs() -> None:
    places = np.array([[0.0], [0.2], [1.0]])
    assert mean_distance(places, LINE) == pytest.approx((0.2 + 1.0 + 0.8) / 3)
    assert mean_distance(places[:1], LINE) is None


def test_the_best_trial_is_complete_and_within_the_budget() -> None:
    experiment = make_experiment([study("tpe", 0, 0.3)], spaces={"": LINE})
    ((_, trial),) = best_trials(experiment, "", "tpe")
    assert trial.number == 0
    assert best_trials(replace(experiment, budget=0), "", "tpe") == []


def test_the_params_of_every_best_trial_are_listed() -> None:
    experiment = several(n_seeds=3, tasks=("a", "b"))
    section = build_agreement(experiment, dict.fromkeys("ab", SPACE), np.random.default_rng(0))
    table = section.blocks[1]
    assert isinstance(table, Table)
    assert len(table.rows) == 2 * 4 * 3
    assert [column.title for column in table.columns][:4] == ["Task", "Strategy", "Seed", "valid_loss"]
    assert len(table.columns) == 4 + len(SPACE)


def test_one_seed_has_no_spread_and_no_trial_is_a_sentence() -> None:
    section = build(make_experiment([make_study("tpe", 0)]))
    assert section.numbers["all trials"]["tpe"].spread is None  # type: ignore[index]
    failed = replace(make_study("tpe", 0), trials=())
    (text,) = build(make_experiment([failed])).blocks
    assert isinstance(text, Text)
