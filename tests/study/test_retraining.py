"""What is pasted after a study trains that very configuration: nothing is searched, nothing is otherwise."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from hpo.config.schema import Config
from hpo.config.search import ParamValue
from hpo.search.samplers import build_sampler
from hpo.space.apply import apply_params
from hpo.study.plan import Plan
from hpo.study.provenance import new_study
from tests.support.studies import plan_typed

PARAMS = {"model.drop_mult": 0.3, "model.n_hid": 64, "train.lr": 0.012345678901234567, "train.epochs": 3}


def pasted(original: Plan, params: dict[str, ParamValue], tmp_path: object) -> tuple[str, Plan]:
    study = new_study(original, corpus={}, fingerprint={}, folder=tmp_path, now_ms=0)  # type: ignore[arg-type]
    line = study.retraining(params)
    return line, plan_typed(*shlex.split(line))


def trained(config: Config) -> tuple[object, ...]:
    """Returns what a trial of these settings is trained by and measured by."""
    data = replace(config.data, cache="") if config.trainer.reads_texts else None
    return config.study.metric, config.study.positive, config.model, config.train, config.trainer, config.encoder, data


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("sampler=random", "pruner=asha", "seed=7", "study.n_trials=99"),
        ("trainer=synthetic", "trainer.noise=0.1", "study.metric=valid_loss"),
        ("data.n_per_class=60", "data.packages=[numpy,pandas]", "data.split_seed=3"),
        ("data=table", "data.path=my texts.csv", "data.encoding=latin-1"),
        ("data=table", "data.path={train: my texts.csv, test: [größe.csv, b.csv]}", "data.empty=drop"),
        ("experiment=imdb", "model.bidir=true", "train.batch_size=32"),
        ("data=docstrings", "model.encoder=domain", "encoder.epochs=2", "encoder.seed=${seed}", "seed=3"),
        ("train.weight_decay=0.2", "space.train.lr.high=0.5"),
        ("space=awd_lstm", "train.precision=bf16"),
        ("study.metric=f1", "study.positive=numpy", "train.class_weights=balanced"),
    ],
)
def test_the_line_trains_that_very_configuration(words: tuple[str, ...], tmp_path: object) -> None:
    original = plan_typed(*words)
    line, again = pasted(original, PARAMS, tmp_path)
    assert trained(apply_params(original.config, PARAMS)) == trained(again.config), line
    assert again.space.params == ()
    assert again.config.study.n_trials == 1
    build_sampler(again.config.sampler, again.space, 0)


def test_no_line_says_more_than_it_must(tmp_path: object) -> None:
    line, _ = pasted(plan_typed("sampler=random", "study.n_trials=99", "tracking=none", "seed=3"), PARAMS, tmp_path)
    assert line == "model.drop_mult=0.3 model.n_hid=64 train.lr=0.012345678901234567 train.epochs=3 study.n_trials=1"
    line, _ = pasted(plan_typed("data=table", "data.path=my texts.csv"), PARAMS, tmp_path)
    assert line.startswith("data=table 'data.path='\"'\"'my texts.csv'\"'\"'' model.drop_mult=0.3")


def test_what_is_not_searched_has_its_value_in_the_line(tmp_path: object) -> None:
    fixed, params = plan_typed("~space.train.lr"), {key: PARAMS[key] for key in PARAMS if key != "train.lr"}
    line, again = pasted(fixed, params, tmp_path)
    assert f"train.lr={fixed.config.train.lr}" in line
    assert again.space.params == ()
    conditional = plan_typed("+space.train.lr.when={param: model.n_hid, in: [96, 128]}")
    line, again = pasted(conditional, params, tmp_path)
    assert f"train.lr={fixed.config.train.lr}" in line
    assert again.space.params == ()


def test_what_is_searched_beside_the_space_is_in_the_line(tmp_path: object) -> None:
    wider = plan_typed("+space.train={weight_decay: {type: float, low: 0.001, high: 0.3, log: true}}")
    _, again = pasted(wider, {**PARAMS, "train.weight_decay": 0.02}, tmp_path)
    assert again.config.train.weight_decay == 0.02
    assert again.space.params == ()
