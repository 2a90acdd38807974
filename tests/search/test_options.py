"""What each sampler is for: that it finds what its kind finds, and what is said of it before a study begins."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.config.search import ParamValue, SamplerConfig
from hpo.search.options import (
    CMAESConfig,
    GPConfig,
    NSGA2Config,
    QMCConfig,
    RandomConfig,
    SPSAConfig,
    TPEConfig,
)
from hpo.search.samplers import build_sampler
from hpo.space.space import Condition, Param, Space
from tests.support.studies import plan_study

LR = Param("train.lr", FloatDistribution(0.001, 0.1, log=True), ())
DECAY = Param("train.weight_decay", FloatDistribution(0, 1), ())
SCHEDULE = Param("train.schedule", CategoricalDistribution(("one_cycle", "fine_tune")), ())
FREEZE = Param("train.freeze_epochs", IntDistribution(1, 40), (), Condition("train.schedule", ("fine_tune",)))
BOWL = Space((LR, DECAY), {})


def search(config: SamplerConfig, space: Space, *, n: int, seed: int = 0) -> list[dict[str, ParamValue]]:
    """Returns the proposals for a smooth bowl, lowest at lr .01 and weight_decay .7."""
    study = optuna.create_study(sampler=build_sampler(config, space, seed))
    return [follow(study, space) for _ in range(n)]


def follow(study: optuna.Study, space: Space) -> dict[str, ParamValue]:
    trial = study.ask()
    params = space.suggest(trial)
    study.tell(trial, height(params))
    return params


def height(params: dict[str, ParamValue]) -> float:
    lr, decay = float(str(params["train.lr"])), float(str(params["train.weight_decay"]))
    return ((math.log10(lr) + 2) / 2) ** 2 + (decay - 0.7) ** 2


CONFIGS = {  # with trials, seeds, and the height of the later half over that of random search's
    "cmaes": (CMAESConfig(None), 48, 8, 0.1),
    "nsga2": (NSGA2Config(8, None, 0.9, 0.5), 80, 8, 0.6),
    "spsa": (SPSAConfig(4, 0.1, 0.1, 6), 48, 8, 0.3),
    "gp": (GPConfig(5, False), 14, 5, 0.3),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_later_half_of_proposals_is_better_than_that_of_random_search(name: str) -> None:
    config, n, n_seeds, bound = CONFIGS[name]
    ratios = [later(config, n, seed) / later(RandomConfig(), n, seed) for seed in range(n_seeds)]
    assert np.median(ratios) < bound
    if n_seeds == 8:
        assert max(ratios) < 1  # better with every seed: p < .01 by the sign test


def later(config: SamplerConfig, n: int, seed: int) -> float:
    return float(np.mean([height(params) for params in search(config, BOWL, n=n, seed=seed)[n // 2 :]]))


def test_qmc_fills_each_axis_evenly_also_those_of_choices() -> None:
    proposals = search(QMCConfig(), Space((LR, DECAY, SCHEDULE), {}), n=16)
    places = sorted(int(float(str(params["train.weight_decay"])) * 16) for params in proposals)
    assert places == list(range(16))
    assert sum(params["train.schedule"] == "one_cycle" for params in proposals) == 8


def test_both_trials_of_a_pair_train_with_one_seed() -> None:
    config = SPSAConfig(4, 0.1, 0.1, 6)
    assert [config.seed_number(n) for n in range(9)] == [0, 1, 2, 3, 4, 4, 6, 6, 8]


def test_a_pair_lies_on_both_sides_of_one_point_whatever_ended_between_its_trials() -> None:
    study = optuna.create_study(sampler=build_sampler(SPSAConfig(1, 0.1, 0.1, 6), BOWL, 0))
    start = DECAY.to_unit(follow(study, BOWL)["train.weight_decay"])
    first, second = study.ask(), study.ask()
    one = DECAY.to_unit(BOWL.suggest(first)["train.weight_decay"])
    study.tell(first, 0.0)
    other = DECAY.to_unit(BOWL.suggest(second)["train.weight_decay"])
    assert sorted([one, other]) == pytest.approx([start - 0.1, start + 0.1])


def test_choices_without_an_order_lean_towards_the_better() -> None:
    space = Space((DECAY, SCHEDULE), {})
    study = optuna.create_study(sampler=build_sampler(SPSAConfig(2, 0.1, 0.1, 6), space, 0))
    seen = []
    for _ in range(40):
        trial = study.ask()
        params = space.suggest(trial)
        study.tell(trial, float(params["train.schedule"] == "one_cycle"))
        seen.append(params["train.schedule"])
    assert seen[-20:].count("fine_tune") >= 15


def test_cmaes_refuses_a_space_without_numbers() -> None:
    with pytest.raises(ValueError, match=r"sampler=cmaes searches numbers that every trial has"):
        plan_study(
            "sampler=cmaes",
            "~space.model.drop_mult",
            "~space.train.lr",
            "~space.train.epochs",
            "space.model.n_hid.choices=[64,128]",
        )


def test_tpe_refuses_groups_that_are_not_drawn_together() -> None:
    with pytest.raises(ValueError, match=r"sampler\.multivariate=false forbids"):
        plan_study("sampler=tpe", "sampler.group=true", "sampler.multivariate=false")


def test_group_draws_what_a_condition_brings_together() -> None:
    space = Space((LR, DECAY, SCHEDULE, FREEZE), {})
    both = [search(TPEConfig(4, 24, True, group, True), space, n=12) for group in (True, False)]
    assert both[0][:4] == both[1][:4]
    assert both[0] != both[1]


def test_what_a_sampler_does_not_learn_from_is_said() -> None:
    notes = plan_study("sampler=gp", "pruner=median").notes
    assert [note for note in notes if "learns from complete trials alone" in note]
    assert not plan_study("sampler=gp").notes
    (note,) = plan_study("sampler=nsga2").notes
    assert note.startswith("sampler=nsga2 is random search until its first population of 50 trials is complete")
    assert "all 12 trials of this study are" in note
    assert "all 99" not in plan_study("sampler=nsga2", "study.n_trials=99").notes[0]
