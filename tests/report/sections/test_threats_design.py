"""Threats in how a comparison was set up: each rule fires and does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpo.report.analysis.records import Experiment
from hpo.report.sections import threats as rules
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
    assert "no design card" in next(rules.not_registered(made()))
    assert list(rules.not_registered(replace(made(), card={"seeds": [0]}))) == []


def test_amended() -> None:
    assert list(rules.amended(made())) == []
    assert "changed 2 times" in next(rules.amended(replace(made(), amendments=("a", "b"))))


def test_departures() -> None:
    assert list(rules.departures(made())) == []
    assert "in 1 point" in next(rules.departures(replace(made(), deviations=("a",))))


def test_few_seeds() -> None:
    assert list(rules.few_seeds(made(n_seeds=6))) == []
    assert "With 5 seeds no pair of 2 strategies" in next(rules.few_seeds(made(n_seeds=5)))
    assert "8 are needed" in next(rules.few_seeds(made("random", "tpe", "gp", "grid", n_seeds=7)))
    one_short = [study for study in made(n_seeds=6).studies if (study.strategy, study.seed) != ("tpe", 5)]
    assert list(rules.few_seeds(replace(made(), studies=tuple(one_short))))
    assert list(rules.few_seeds(made("tpe", n_seeds=1))) == []


def test_few_tasks() -> None:
    assert "on one task, task" in next(rules.few_tasks(made()))
    assert "2 of them cannot show" in next(rules.few_tasks(made(tasks=("a", "b"))))
    assert list(rules.few_tasks(made(tasks=tuple("abcdef")))) == []


def test_one_strategy() -> None:
    assert "tpe is the only strategy" in next(rules.one_strategy(made("tpe")))
    assert list(rules.one_strategy(made())) == []


def test_no_random_control() -> None:
    assert list(rules.no_random_control(made("tpe", "grid")))
    assert list(rules.no_random_control(made("tpe", "random+asha"))) == []


def test_not_confirmed() -> None:
    bare = made()
    assert "no configuration was trained again with fresh seeds and tested" in next(rules.not_confirmed(bare))
    bests = [min(trial.value for trial in study.complete) for study in bare.studies]
    done = [
        replace(study, confirmed=(confirmed(best, [1.0], [1.0]),))
        for study, best in zip(bare.studies, bests, strict=True)
    ]
    assert list(rules.not_confirmed(replace(bare, studies=tuple(done)))) == []
    retrained = [replace(study, confirmed=(replace(study.confirmed[0], tests=()),)) for study in done]
    sentence = next(rules.not_confirmed(replace(bare, studies=tuple(retrained))))
    assert "of validation, trained again with fresh seeds" in sentence
    some = next(rules.not_confirmed(replace(bare, studies=(replace(retrained[0], confirmed=()), *retrained[1:]))))
    assert "no configuration was tested" in some
    partly = (replace(done[0], confirmed=()), *done[1:])
    assert "1 of 16 studies have no confirmed and tested" in next(rules.not_confirmed(replace(bare, studies=partly)))


def test_several_settings() -> None:
    two = with_facts(
        with_facts(made("tpe", "tpe2", "random"), "tpe", sampler="tpe", sampler__n_startup_trials="10"),
        "tpe2",
        sampler="tpe",
        sampler__n_startup_trials="20",
    )
    assert "tpe and tpe2 are tpe with different settings" in next(rules.several_settings(two))
    same = with_facts(two, "tpe2", sampler__n_startup_trials="10")
    assert list(rules.several_settings(same)) == []


def test_unknown_conduct() -> None:
    assert list(rules.unknown_conduct(made())) == []
    strangers = tuple(replace(study, facts={}) for study in made().studies)
    assert "random and tpe searched" in next(rules.unknown_conduct(replace(made(), studies=strangers)))
