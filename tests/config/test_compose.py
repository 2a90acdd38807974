"""Every file of conf/ composes, alone, into dataclasses that make a sensible plan or say what they lack."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.config.compose import compose_job, hydra_initialized, register_schemas
from hpo.config.registry import options
from hpo.config.searched import fix_overridden
from hpo.machine.paths import conf_folder
from hpo.space.read import read_space
from tests.support.curve_tables import write_table
from tests.support.studies import compose_config, plan_study

PARAM = "+space.params={lr: {type: float, low: 0.1, high: 1.0}}"
AUC = ("study.metric=auc", "study.direction=maximize")
FILES = sorted(path for path in conf_folder().glob("*/*.yaml") if path.parent.name != "comparison")  # of compare.yaml
LACKING = {
    "data=folder": ["data.path=texts"],
    "data=table": ["data.path=reviews.csv"],
    "pruner=threshold": ["pruner.lower=0.1"],
    "executor=simulated": ["trainer=synthetic"],
    "trainer=replay": ["space=table", "study.metric=valid_loss", "trainer.path={table}"],
    "space=table": ["trainer=replay", "study.metric=valid_loss", "trainer.path={table}"],
    "experiment=replay": ["trainer.path={table}"],
    "trainer=function": ["trainer.call=tests.support.functions:steps", "space=function", PARAM, *AUC],
    "space=function": ["trainer=function", "trainer.call=tests.support.functions:steps", PARAM, *AUC],
    "trainer=linear": ["space=linear"],
    "space=linear": ["trainer=linear"],
}


@pytest.mark.parametrize("override", [f"{path.parent.name}={path.stem}" for path in FILES])
def test_every_file_composes_and_makes_a_plan(override: str, tmp_path: Path) -> None:
    needed = LACKING.get(override, [])
    if any("{table}" in text for text in needed):
        table = write_table(tmp_path / "curves.parquet")
        needed = [text.format(table=table) for text in needed]
    assert plan_study(override, *needed).space.params


def test_every_option_has_a_file_and_every_file_an_option() -> None:
    for group, choices in options().items():
        assert set(choices) == {path.stem for path in FILES if path.parent.name == group}, group


def test_the_command_line_wins_over_an_overlay_whose_other_values_stay() -> None:
    config, choices = compose_config("experiment=imdb_cpu", "pruner=none", "data.max_tokens=99")
    assert choices["pruner"] == "none"
    assert (config.data.max_tokens, config.data.max_vocab) == (99, 20000)


def test_a_value_given_takes_its_param_out_of_the_space() -> None:
    config, fixing = fix_overridden(compose_config("train.lr=0.5")[0], ["train.lr=0.5", "seed=3", "train.batch_size=4"])
    assert fixing == ("train.lr=0.5",)
    assert "train.lr" not in read_space(config).distributions()
    assert len(read_space(config).params) == 3


@pytest.mark.parametrize(
    ("given", "fixing", "searched"),
    [
        ("++train.lr=0.5", "train.lr=0.5", {"model.drop_mult", "model.n_hid", "train.epochs"}),
        (
            "train={lr: 0.5, epochs: 3, schedule: slanted}",
            "train.epochs=3,train.lr=0.5",
            {"model.drop_mult", "model.n_hid"},
        ),
        ("++model={n_hid: 64}", "model.n_hid=64", {"model.drop_mult", "train.epochs", "train.lr"}),
        ("train=default", "", {"model.drop_mult", "model.n_hid", "train.epochs", "train.lr"}),
    ],
)
def test_whatever_gives_a_value_takes_its_param_out_of_the_space(given: str, fixing: str, searched: set[str]) -> None:
    register_schemas()
    with hydra_initialized():
        composition = compose_job("config", [given])
    config = composition.config
    assert ",".join(composition.fixed) == fixing
    assert set(read_space(config).distributions()) == searched
    assert "lr" not in given or fixing == "" or config.train.lr == 0.5
