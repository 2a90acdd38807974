"""The scale of regret and who is taken for random search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.conduct import control, is_grid, is_random, random_studies
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.regrets import scales
from tests.support.noise_experiments import experiment, normal, study, trial


def made(*studies, **changes) -> Experiment:
    return replace(experiment({"x": normal()}, rng=np.random.default_rng(0)), studies=studies, **changes)


def test_zero_is_the_best_known_and_one_the_median_of_random_search() -> None:
    of = made(study("random", 0, [5, 7, 9]), study("tpe", 0, [3, 4, 11]), budget=3)
    scale = scales(of)["task"]
    assert (scale.best, scale.reference, scale.worst) == (3, 7, 11)
    assert scale.regret(7) == 1
    assert scale.regret(5) == pytest.approx(0.5)
    assert scale.source == "random search"


def test_higher_is_better_when_maximising() -> None:
    scale = scales(made(study("random", 0, [5, 7, 9]), direction="maximize", budget=3))["task"]
    assert (scale.best, scale.reference, scale.worst) == (-9, -7, -5)


def test_without_random_search_it_is_the_median_of_all() -> None:
    scale = scales(made(study("tpe", 0, [3, 4, 11]), budget=3))["task"]
    assert scale.reference == 4
    assert "all strategies" in scale.source


def test_equal_values_leave_regret_in_units_of_the_metric() -> None:
    scale = scales(made(study("random", 0, [5, 5]), budget=2))["task"]
    assert scale.span == 1
    assert scale.regret(5) == 0


def test_nothing_complete_has_no_scale() -> None:
    empty = replace(study("random", 0, []), trials=(trial(0, None, state="FAIL"),))
    assert scales(made(empty))["task"].best == np.inf


def test_random_search_is_known_by_its_sampler_or_its_name() -> None:
    assert is_random(study("mine", 0, [], facts={"sampler": "random"}))
    assert not is_random(study("random", 0, [], facts={"sampler": "tpe"}))
    assert is_random(study("Random search", 0, [], facts={}))
    assert is_grid(study("grid-5", 0, [], facts={}))


def test_random_search_without_pruning_is_the_control() -> None:
    pruned = study("random+asha", 0, [1], facts={"sampler": "random", "pruner": "asha"})
    plain = study("plain", 0, [2], facts={"sampler": "random", "pruner": "none"})
    assert control(made(pruned, plain)) == "plain"
    assert control(made(pruned)) == "random+asha"
    assert control(made(study("tpe", 0, [1]))) is None
    assert random_studies(made(pruned, plain), "task") == (plain,)


def test_a_name_that_only_begins_like_random_search_is_not_the_control() -> None:
    names = ("tpe", "random_forest", "grid_world")
    of = experiment(dict.fromkeys(names, normal()), rng=np.random.default_rng(0))
    unknown = replace(of, studies=tuple(replace(study, facts={}) for study in of.studies))
    assert control(unknown) is None
    assert not any(is_random(study) or is_grid(study) for study in unknown.studies)
