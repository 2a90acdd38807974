"""Default names: every other study has another, the same one the same, and what makes it another stands first."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

import pytest

from hpo.config.compose import compose_job, hydra_initialized, register_schemas
from hpo.config.overrides import read_arguments, split_jobs
from hpo.study.plan import Plan, plan
from tests.support.comparisons import plan_compared
from tests.support.manual import study_commands

HERE = re.compile(r"executor|storage|tracking|study\.n_trials|study\.timeout_s|study\.stop")  # decides no result
NEEDS_MORE = ("wt103", "executor=ray", "executor=slurm", "storage=postgres")  # than any machine has
PLAIN = "docstrings-awd_lstm_small-tpe-none-s0"


def plans(command: str) -> list[Plan]:
    register_schemas()
    with hydra_initialized():
        return [plan(compose_job("config", job)) for job in split_jobs(read_arguments(shlex.split(command)))]


def name(command: str) -> str:
    return plans(command)[0].name


def studies(commands: Sequence[str]) -> dict[str, str]:
    """Returns the name of each study that the commands ask for, by the words that decide its results."""
    named = {}
    for command in commands:
        for planned, job in zip(plans(command), split_all(command), strict=True):
            words = sorted(word for word in job if not HERE.match(word) and word not in ("sampler=tpe", "seed=0"))
            named[" ".join(words)] = planned.name
    return named


def split_all(command: str) -> list[list[str]]:
    with hydra_initialized():
        return split_jobs(read_arguments(shlex.split(command)))


@pytest.mark.slow
def test_the_commands_of_the_manual_are_studies_of_their_own() -> None:
    commands = study_commands()
    named = studies([command for command in commands if not any(word in command for word in NEEDS_MORE)])
    assert len(named) > 20
    assert len(set(named.values())) == len(named), sorted(named.items(), key=lambda item: item[1])
    assert named[""] == PLAIN


@pytest.mark.parametrize(
    "word",
    [
        "",
        "sampler=tpe",
        "seed=0",
        "study.metric=accuracy",
        "study.n_trials=99",
        "study.timeout_s=60",
        "executor=inline",
        "executor.n_workers=1",
        "storage.path=other.db",
        "storage.folder=elsewhere",
        "tracking=none",
        "data.cache=elsewhere",
        "model.log=none",
        "space.train.lr.high=0.1",
        "space.train.epochs.levels=[2,3]",
    ],
)
def test_what_changes_no_result_changes_no_name(word: str) -> None:
    assert name(word) == PLAIN


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("sampler=random seed=1", r"random-s1-docstrings-awd_lstm_small-none"),
        ("trainer=synthetic", r"synthetic-awd_lstm_small-tpe-none-s0"),
        ("study.metric=valid_loss", rf"valid_loss-{PLAIN}-[0-9a-f]{{8}}"),
        ("trainer=synthetic space.train.epochs.high=3", r"synthetic-epochs2-3-awd_lstm_small-tpe-none-s0-[0-9a-f]{8}"),
        ("train.lr=0.02", rf"lr0\.02-{PLAIN}-[0-9a-f]{{8}}"),
        ("data.n_per_class=60", rf"n_per_class60-{PLAIN}-[0-9a-f]{{8}}"),
        ("study.ordered=true executor.n_workers=2", rf"ordered-{PLAIN}-[0-9a-f]{{8}}"),
        ("data=table data.path=reviews.csv", r"reviews-awd_lstm_small-tpe-none-s0-[0-9a-f]{8}"),
    ],
)
def test_what_makes_it_another_study_stands_first(command: str, named: str) -> None:
    assert re.fullmatch(named, name(command))
    assert name(command) == name(command)


@pytest.mark.parametrize(
    ("command", "other"),
    [
        ("space.train.lr.high=0.5", "space.train.lr.high=0.4"),
        ("'~space.train.lr'", "train.lr=0.02"),
        ("data=table data.path=a/reviews.csv", "data=table data.path=b/reviews.csv"),
        ("experiment=imdb", "experiment=imdb train.batch_size=32"),
        ("study.ordered=true executor.n_workers=1", "study.ordered=true executor.n_workers=2"),
        ("trainer=synthetic trainer.noise=0.1", "trainer=synthetic trainer.noise=0.2"),
    ],
)
def test_others_have_other_names(command: str, other: str) -> None:
    assert name(command) != name(other)


def test_the_grid_of_a_study_may_grow() -> None:
    assert name("sampler=grid") == name("sampler=grid space.train.lr.n_levels=5")


def test_comparisons_that_differ_have_studies_with_other_names() -> None:
    base = ("trainer=synthetic", "tracking=none", "seeds=2")
    strategies = "strategies={a: {sampler: tpe}, b: {sampler: tpe, pruner: asha}}"
    others = "strategies={a: {sampler: random}, b: {sampler: random, pruner: asha}}"
    compared = [
        (*base, "samplers=[random,tpe]"),
        (*base, "samplers=[random,tpe]", "study.metric=valid_loss"),
        (*base, strategies),
        (*base, others),
        (*base, strategies, "trainer.noise=0.1"),
    ]
    names = [planned.name for words in compared for planned in plan_compared(*words).plans]
    assert len(set(names)) == len(names) == 20
    again = [planned.name for planned in plan_compared(*base, strategies, "study.n_trials=30").plans]
    assert again == [planned.name for planned in plan_compared(*base, strategies).plans]
