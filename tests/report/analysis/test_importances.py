"""Importances: the right param is named, and where nothing can be said that is said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from hpo.report.analysis.importances import (
    FANOVA,
    MAX_FOREST,
    MAX_TRIALS,
    PED_ANOVA,
    POOLED,
    importances,
    pooled_random,
)
from hpo.report.analysis.records import Experiment, Study, Trial
from hpo.report.analysis.spaces import space_of
from tests.support import ROOT
from tests.support.search_experiments import SPACE, make_experiment, make_study, several


def compute(experiment: Experiment):
    spaces = {task: space_of(experiment, task) for task in experiment.tasks}
    return importances(experiment, spaces, np.random.default_rng(0))


def closed_form(weights: Sequence[float], n: int, *, log: bool = False) -> Experiment:
    """A random search whose values are a sum of squares of places, each with its weight."""
    rng = np.random.default_rng(1)
    space = {
        f"p{i}": FloatDistribution(1e-4, 1.0, log=True) if log else FloatDistribution(0, 1) for i in range(len(weights))
    }
    trials = []
    for number, units in enumerate(rng.random((n, len(weights)))):
        params = {f"p{i}": float(10 ** (4 * unit - 4)) if log else float(unit) for i, unit in enumerate(units)}
        value = float(sum(weight * unit**2 for weight, unit in zip(weights, units, strict=True)))
        trials.append(Trial(number, "COMPLETE", value, 1, 1.0, 1.0, params))
    study = Study("s", "", "random", 0, tuple(trials), facts={"sampler": "random"})
    return make_experiment([study], spaces={"": space})


@pytest.mark.parametrize("log", [False, True])
def test_fanova_finds_the_shares_of_a_sum(log) -> None:
    # Independent terms: a share is the square of its weight, here 9 : 1 : 0.
    found = {one.evaluator: one for one in compute(closed_form([3.0, 1.0, 0.0], 200, log=log))}
    assert found[FANOVA].shares["p0"] == pytest.approx(0.9, abs=0.04)
    assert found[FANOVA].shares["p1"] == pytest.approx(0.1, abs=0.04)
    assert found[FANOVA].shares["p2"] < 0.02
    assert max(found[PED_ANOVA].shares, key=found[PED_ANOVA].shares.__getitem__) == "p0"


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_every_strategy_and_the_pooled_random_trials_are_groups(direction) -> None:
    found = compute(several(direction=direction))
    assert {one.group for one in found} == {"random", "random+asha", "tpe", "tpe+asha", POOLED}
    for one in found:
        assert sum(one.shares.values()) == pytest.approx(1)
        assert list(one.shares) == list(SPACE)
        assert max(one.shares, key=one.shares.__getitem__) == "train.lr"


def test_the_direction_turns_what_the_best_tenth_is() -> None:
    # Among the lowest, p0 is fixed; among the highest, p1 is.
    rng = np.random.default_rng(0)
    trials = []
    for number, (x, y) in enumerate(rng.random((200, 2)).tolist()):
        value = -1 - y * 1e-3 if x < 0.1 else 1 + x * 1e-3 if y > 0.9 else 0.1 * x
        trials.append(Trial(number, "COMPLETE", value, 1, 1.0, 1.0, {"x": x, "y": y}))
    study = Study("s", "", "random", 0, tuple(trials))
    space = {"": {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}}
    for direction, expected in (("minimize", "x"), ("maximize", "y")):
        found = compute(make_experiment([study], spaces=space, direction=direction))
        ped = next(one for one in found if one.evaluator == PED_ANOVA)
        assert max(ped.shares, key=ped.shares.__getitem__) == expected


def test_a_pruned_arm_is_not_pooled_and_equal_trials_count_once() -> None:
    pool = pooled_random(several(n_seeds=2), "")
    assert len(pool) == 40
    studies = [make_study("random", 0), replace(make_study("random", 0), name="again", strategy="random, twice")]
    assert len(pooled_random(make_experiment(studies), "")) == 20
    assert pooled_random(make_experiment([make_study("tpe", 0)]), "") == []


def test_few_trials_and_equal_values_are_sentences_not_equal_shares() -> None:
    few = make_study("random", 0, n_trials=5)
    assert {one.why_not for one in compute(make_experiment([few]))} == {"fewer than 20 complete trials"}
    study = make_study("random", 0, n_trials=30)
    equal = replace(study, trials=tuple(replace(trial, value=0.5) for trial in study.trials))
    found = compute(make_experiment([equal]))
    assert {one.why_not for one in found} == {"all values are equal"}
    assert not any(one.shares for one in found)


def test_one_value_of_every_param_is_a_sentence() -> None:
    study = make_study("random", 0, n_trials=30)
    params = study.trials[0].params
    same = replace(study, trials=tuple(replace(trial, params=params) for trial in study.trials))
    found = compute(make_experiment([same]))
    assert {one.why_not for one in found} == {"no param that can be assessed differs between trials"}


def test_a_conditional_param_is_left_to_ped_anova() -> None:
    study = make_study("random", 0, n_trials=60)
    trials = []
    for trial in study.trials:
        params = dict(trial.params)
        if params["model.kind"] == "awd":
            del params["model.drop_mult"]
        trials.append(replace(trial, params=params))
    found = {one.evaluator: one for one in compute(make_experiment([replace(study, trials=tuple(trials))]))}
    assert "model.drop_mult" in found[PED_ANOVA].shares
    assert "model.drop_mult" not in found[FANOVA].shares
    assert "train.lr" in found[FANOVA].shares


def test_one_trial_alone_with_a_param_gives_no_warning() -> None:
    study = make_study("random", 0, n_trials=40)
    first, *rest = study.trials
    bare = tuple(replace(t, params={k: v for k, v in t.params.items() if k != "model.kind"}) for t in rest)
    found = compute(make_experiment([replace(study, trials=(first, *bare))]))
    assert any(one.shares for one in found)


def test_values_out_of_the_space_are_ignored() -> None:
    study = make_study("random", 0, n_trials=30)
    first, *rest = study.trials
    wild = replace(first, params={**first.params, "train.lr": 9.0, "model.kind": "gru"})
    found = {one.evaluator: one for one in compute(make_experiment([replace(study, trials=(wild, *rest))]))}
    assert "train.lr" in found[PED_ANOVA].shares


def test_many_trials_are_thinned() -> None:
    found = {one.evaluator: one for one in compute(make_experiment([make_study("tpe", 0, n_trials=600)]))}
    assert (found[FANOVA].n_trials, found[FANOVA].n_used) == (600, MAX_FOREST)
    assert found[PED_ANOVA].n_used == MAX_TRIALS


PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
from tests.report.analysis.test_importances import compute
from tests.support.search_experiments import several
print([(one.group, one.evaluator, dict(one.shares)) for one in compute(several(n_seeds=1))])
"""


def test_shares_are_the_same_in_every_process() -> None:
    def run(hash_seed: str) -> str:
        command = [sys.executable, "-c", PROGRAM, str(ROOT)]
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout

    assert run("1") == run("2") != ""
