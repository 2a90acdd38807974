from __future__ import annotations

import optuna

from hpo.config.search import ParamValue
from hpo.search.gradient import RestartSampler
from hpo.search.pruners import AshaConfig
from hpo.search.samplers import SeededRandom
from hpo.space.read import read_space
from tests.support.studies import compose_config, plan_study


def propose(n: int, *, seed: int = 0) -> list[dict[str, ParamValue]]:
    config, _ = compose_config("sampler=gradient")
    space = read_space(config)
    study = optuna.create_study(sampler=RestartSampler(space, seed))
    return [space.suggest(study.ask()) for _ in range(n)]


def test_every_restart_meets_every_hidden_size_once() -> None:
    proposed = propose(6)
    restarts = [proposed[:3], proposed[3:]]
    for runs in restarts:
        assert sorted(run["model.n_hid"] for run in runs) == [64, 96, 128]
        assert len({run["train.lr"] for run in runs}) == 1
    assert restarts[0][0]["train.lr"] != restarts[1][0]["train.lr"]


def test_restarts_begin_where_random_search_looks() -> None:
    config, _ = compose_config("sampler=random")
    space = read_space(config)
    study = optuna.create_study(sampler=SeededRandom(0))
    drawn = [space.suggest(study.ask()) for _ in range(2)]
    runs = propose(4)
    for path in ("train.lr", "model.drop_mult"):
        assert [runs[0][path], runs[3][path]] == [each[path] for each in drawn]


def test_runs_are_halved_unless_something_else_is_asked_for() -> None:
    planned = plan_study("sampler=gradient")
    assert (planned.config.pruner, planned.choices["pruner"]) == (AshaConfig(False, 1, 3), "asha")
    for words, pruner in ((["sampler.halving=null"], "none"), (["pruner=median"], "median")):
        assert plan_study("sampler=gradient", *words).config.pruner.option == pruner


def test_runs_are_as_long_as_a_trial_may_be() -> None:
    assert {run["train.epochs"] for run in propose(4)} == {6}
