"""Named sets of overrides: how they are read, what they may set, what they compose to."""

from __future__ import annotations

from typing import Any

import pytest

from hpo.commands.compare import main
from hpo.compare.variants import read_overrides
from hpo.search.options import TPEConfig
from tests.support.comparisons import plan_compared

TPE_ASHA = {"tpe+asha": {"sampler": "tpe", "pruner": "asha"}}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, {}),
        ({}, {}),
        ([], {}),
        (TPE_ASHA, {"tpe+asha": ("sampler=tpe", "pruner=asha")}),
        ([TPE_ASHA, "random"], {"tpe+asha": ("sampler=tpe", "pruner=asha"), "random": ("sampler=random",)}),
        ({"a": {}}, {"a": ()}),
        ({"a": {"train": {"lr": 0.1, "epochs": 3}}}, {"a": ("train.lr=0.1", "train.epochs=3")}),
        ({"a": {"train.lr": 1e-5}}, {"a": ("train.lr=1e-05",)}),
        (
            {7: {"model.emb_sz": None, "trial.keep_checkpoints": False}},
            {"7": ("model.emb_sz=null", "trial.keep_checkpoints=false")},
        ),
        ({"a": {"space.train.epochs.levels": [2, 4]}}, {"a": ("space.train.epochs.levels=[2,4]",)}),
        ({"a": {"data.path": "my texts (1).csv"}}, {"a": ("data.path='my texts (1).csv'",)}),
        ({"a": {"~space.train.lr": None}}, {"a": ("~space.train.lr=null",)}),
        ("{tpe + asha (3): {sampler: tpe}}", {"tpe + asha (3)": ("sampler=tpe",)}),
        ("[random, {a: {train.lr: 0.1}}]", {"random": ("sampler=random",), "a": ("train.lr=0.1",)}),
        (
            {"a": {"+space": {"train": {"weight_decay": {"type": "float", "low": 0.1, "high": 1.0}}}}},
            {"a": ("+space={train:{weight_decay:{type:float,low:0.1,high:1.0}}}",)},
        ),
    ],
)
def test_overrides_are_read_by_name(given: Any, found: dict[str, tuple[str, ...]]) -> None:
    assert read_overrides("strategies", given) == found


REFUSED: list[tuple[Any, str]] = [
    ("tpe", "strategies=tpe is no set of named overrides"),
    (3, "strategies=3 is no set of named overrides"),
    ([3], "strategies=3 is no set of named overrides"),
    ([[TPE_ASHA], 3], "strategies=3 is no set of named overrides"),
    ({"a": "tpe"}, "strategies.a=tpe is no set of overrides; write {a: {sampler: tpe}}."),
    ({"a": None}, "strategies.a=None is no set of overrides"),
    ({"a": ["sampler=tpe"]}, "is no set of overrides"),
    ([TPE_ASHA, TPE_ASHA], "strategies names 'tpe+asha' twice"),
    (["tpe", "tpe"], "strategies names 'tpe' twice"),
    ({" ": {}}, "strategies has an entry without a name"),
    ({"a": {"seed": 3}}, "strategies.a: seed=3 is a single seed; a comparison has seeds="),
    *(
        ({"a": {path: 3}}, f"strategies.a sets {path}, which all studies of a comparison share")
        for path in (
            "study.n_trials",
            "study.n_epochs",
            "study.metric",
            "study.confirm.top_k",
            "storage",
            "storage.path",
            "tracking.uri",
            "executor",
            "study.trials_s",
            "study.timeout_s",
            "study.name",
            "budget.size",
            "n_concurrent",
            "cache",
            "rope",
            "seeds",
            "name",
            "reports",
            "samplers",
            "comparison",
        )
    ),
    ({"a": {"budget": {"size": 3}}}, "strategies.a sets budget.size"),
    ({"a": {"+study": {"n_trials": 3}}}, "strategies.a sets study, which all studies of a comparison share"),
]


@pytest.mark.parametrize(("given", "sentence"), REFUSED)
def test_anything_else_is_refused_in_a_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  # the sentence is looked at below
        read_overrides("strategies", given)
    assert sentence in str(refusal.value)


def test_a_task_is_never_a_samplers_name() -> None:
    with pytest.raises(ValueError, match="tasks=tpe is no set of named overrides"):
        read_overrides("tasks", ["tpe"])


def test_a_strategy_may_search_one_param_more() -> None:
    more = "strategies={less: {sampler: tpe}, more: {+space.train: {weight_decay: {type: float, low: 0.01, high: 1}}}}"
    comparison = plan_compared("trainer=synthetic", "tracking=none", "seeds=1", more)
    searched = [{param.path for param in planned.space.params} for planned in comparison.plans]
    assert searched[1] - searched[0] == {"train.weight_decay"}


def test_a_strategy_is_what_its_overrides_make_of_it() -> None:
    pruned = "strategies=[random, {slow: {sampler: tpe, sampler.n_startup_trials: 3, train.lr: 0.02}}]"
    comparison = plan_compared("trainer=synthetic", "tracking=none", "seeds=1", pruned)
    random, slow = comparison.variants
    assert [variant.strategy for variant in comparison.variants] == ["random", "slow"]
    assert random.overrides == ("sampler=random",)
    assert isinstance(slow.composition.config.sampler, TPEConfig)
    assert slow.composition.config.sampler.n_startup_trials == 3
    assert "train.lr" not in {param.path for param in comparison.plans[1].space.params}  # a value fixes a param
    assert "train.lr" in {param.path for param in comparison.plans[0].space.params}
    assert slow.composition.choices["sampler"] == "tpe"


@pytest.mark.parametrize(
    ("overrides", "strategies"),
    [
        ((), ["grid", "random", "tpe"]),
        (("samplers=[tpe]",), ["tpe"]),
        (("strategies={a: {sampler: tpe}}",), ["a"]),  # instead of the default samplers
        (("strategies={a: {sampler: tpe}}", "samplers=[random]"), ["random", "a"]),  # beside those asked for
    ],
)
def test_strategies_come_beside_samplers_only_if_both_are_asked_for(
    overrides: tuple[str, ...], strategies: list[str]
) -> None:
    assert plan_compared("trainer=synthetic", "tracking=none", *overrides).strategies == strategies


def test_settings_follow_the_seed_of_each_study() -> None:
    follow = ("encoder.seed=${seed}", "data.split_seed=${encoder.seed}")
    comparison = plan_compared("samplers=[random]", "seeds=[3,5]", "tracking=none", *follow)
    configs = [planned.config for planned in comparison.plans]
    assert [(c.seed, c.encoder.seed, c.data.split_seed) for c in configs] == [(3, 3, 3), (5, 5, 5)]
    assert all(c.study.n_epochs == comparison.budget for c in configs)


def test_without_an_interpolation_nothing_follows_the_seed() -> None:
    comparison = plan_compared("samplers=[random]", "seeds=[3,5]", "tracking=none")
    assert [(planned.config.seed, planned.config.encoder.seed) for planned in comparison.plans] == [(3, 0), (5, 0)]
    assert not comparison.variants[0].by_seed


@pytest.mark.parametrize("key", ["strategies", "tasks"])
def test_the_seed_is_not_known_within_strategies_and_tasks(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"{key}={{a: {{encoder.seed: '${{seed}}'}}}}", "tracking=none"]) == 2
    said = capsys.readouterr().err
    assert f"{key}.a.encoder.seed is written in terms of the seed" in said
    assert "'encoder.seed=${seed}'" in said
