"""Threats in how a comparison was set up: each rule fires and does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpo.report.analysis.records import Experiment
from hpo.report.sections import threats_design as rules
from tests.support.noise_experiments import confirmed, experiment, normal

STRATEGIES = {"random": normal(), "tpe": normal()}


def made(*names: str, n_seeds: int = 8, tasks: tuple[str, ...] = ("task",)) -> Experiment:
    drawn = {name: normal() for name in names or STRATEGIES}
    return experiment(drawn, rng=np.random.default_rng(0), n_seeds=n_seeds, tasks=tasks)


def with_facts(of: Experiment, strategy: str, **facts: str) -> Experiment:
    studies = [
        replace(study, facts={**study.facts, **{key.replace("__", "."): text for key, text in facts.items()}})
        if study.strategy == strategy
        else study
        for study in of.studies
    ]
    return replace(of, studies=tuple(studies))


def test_not_registered() -> None:
    assert "no design card" in rules.not_registered(made())[0]
    assert rules.not_registered(replace(made(), card={"seeds": [0]})) == []


def test_amended() -> None:
    assert rules.amended(made()) == []
    assert "changed 2 times" in rules.amended(replace(made(), amendments=("a", "b")))[0]


def test_departures() -> None:
    assert rules.departures(made()) == []
    assert "in 1 point" in rules.departures(replace(made(), deviations=("a",)))[0]


def test_few_seeds() -> None:
    assert rules.few_seeds(made(n_seeds=6)) == []
    assert "With 5 seeds no pair of 2 strategies" in rules.few_seeds(made(n_seeds=5))[0]
    assert "8 are needed" in rules.few_seeds(made("random", "tpe", "gp", "grid", n_seeds=7))[0]
    one_short = [study for study in made(n_seeds=6).studies if (study.strategy, study.seed) != ("tpe", 5)]
    assert rules.few_seeds(replace(made(), studies=tuple(one_short)))
    assert rules.few_seeds(made("tpe", n_seeds=1)) == []


def test_few_tasks() -> None:
    assert "on one task, task" in rules.few_tasks(made())[0]
    assert "2 of them cannot show" in rules.few_tasks(made(tasks=("a", "b")))[0]
    assert rules.few_tasks(made(tasks=tuple("abcdef"))) == []


def test_one_strategy() -> None:
    assert "tpe is the only strategy" in rules.one_strategy(made("tpe"))[0]
    assert rules.one_strategy(made()) == []


def test_no_random_control() -> None:
    assert rules.no_random_control(made("tpe", "grid"))
    assert rules.no_random_control(made("tpe", "random+asha")) == []


def test_not_confirmed() -> None:
    bare = made()
    assert "No configuration was trained again" in rules.not_confirmed(bare)[0]
    bests = [min(trial.value for trial in study.complete) for study in bare.studies]
    done = [
        replace(study, confirmed=(confirmed(best, [1.0], [1.0]),))
        for study, best in zip(bare.studies, bests, strict=True)
    ]
    assert rules.not_confirmed(replace(bare, studies=tuple(done))) == []
    partly = (replace(done[0], confirmed=()), *done[1:])
    assert "1 of 16 studies have no confirmed and tested" in rules.not_confirmed(replace(bare, studies=partly))[0]


def test_several_settings() -> None:
    two = with_facts(
        with_facts(made("tpe", "tpe2", "random"), "tpe", sampler="tpe", sampler__n_startup_trials="10"),
        "tpe2",
        sampler="tpe",
        sampler__n_startup_trials="20",
    )
    assert "tpe and tpe2 are tpe with different settings" in rules.several_settings(two)[0]
    same = with_facts(two, "tpe2", sampler__n_startup_trials="10")
    assert rules.several_settings(same) == []


def test_unknown_conduct() -> None:
    assert rules.unknown_conduct(made()) == []
    strangers = tuple(replace(study, facts={}) for study in made().studies)
    assert "random and tpe searched" in rules.unknown_conduct(replace(made(), studies=strangers))[0]
