"""What cannot be composed is explained: the place, the file, what is allowed there."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.config.compose import compose_job, hydra_initialized, register_schemas, search_path
from hpo.config.explain import explain, suggestion
from hpo.config.overrides import unreadable


def refusal(*overrides: str, folder: Path | None = None) -> str:
    register_schemas()
    with hydra_initialized(), pytest.raises(ValueError, match=r"\.$|…$") as error:
        compose_job("config", [*search_path(folder), *overrides])
    return str(error.value)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("lr=0.1", "lr is not a setting (did you mean encoder.lr or train.lr?); the configuration has seed, study,"),
        ("timeout_s=3", "(did you mean study.timeout_s or trial.timeout_s?)"),
        ("train.epoch=3", "train.epoch is not a setting (did you mean epochs?)"),
        ("seed=abc", "seed: Value 'abc' of type 'str' could not be converted to Integer."),
        ("trainer.call=mine:train", "trainer.call is a setting of trainer=function alone; choose that, too"),
        ("study.direction=up", "expected one of [minimize, maximize]"),
        ("study.n_trials=[3]", "study.n_trials: Value '[3]' of type 'list'"),
        ("space.train.lr=3", "space.train.lr is a group of settings, not a value"),
        ("space.train=3", "space.train is a group of settings, not a value"),
        ("space.train.lr.levels=3", "space.train.lr.levels takes a list"),
        ("train.lr=null", "train.lr cannot be null"),
        ("pruner=bayes", "pruner=bayes does not exist; conf/pruner has asha, hyperband, "),
        ("sampler=null", "takes the name of one of its options"),
        ("+space.train.wd={low: 1}", "A param is added as a whole: '+space.train={wd: "),
        (
            "+space.train={wd: {low: 1}}",
            "space.train.wd.type has no value; give it one (float, int or categorical",
        ),
        ("train.lr=${seed.x}", "train.lr has an interpolation that stands for nothing"),
        ("train.lr=${nope:1}", "Unsupported interpolation type nope"),
        ("train=${nope}", "has an interpolation that stands for nothing"),
        ("data=table", "data.path has no value"),
    ],
)
def test_an_override_is_explained_by_its_path(override: str, sentence: str) -> None:
    assert sentence in refusal(override)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("train: {lr: {type: float, low: x}}", "space.train.lr.low: Value 'x' of type 'str' could not be converted"),
        ("train: {lr: {log: {a: 1}}}", "(type mapping) (in space/x.yaml)."),
        ("train: {lr: {lo: 1}}", "space.train.lr.lo is not a setting (did you mean low?)"),
        ("train: {lr: 3}", "A param is written with its type, not as a list or a number: lr: {type: float, low: "),
        ("params: {lr: [0.1, 0.2]}", "A param is written with its type, not as a list or a number: lr: {type: float"),
        ("params:", "space.params has nothing below it; write a param a line, as in lr: {type: float, low: 1.0e-4, "),
        ("train: {lr: null}", "space.train.lr cannot be null; give it a value (in space/x.yaml)."),
        ("lr: {low: 1}", "lr stands on the top level of a space; put it below params if it is an argument of your "),
        ("lr: [1, 2]", "as in params: {lr: {type: float, low: 1.0e-4, high: 0.1, log: true}}, else below train or"),
        ("train.lr: {low: 1}", "A file has no paths: write train: {lr: …} in the place of train.lr (in space/x.yaml)."),
        ("defaults: [/space/y]", "There is no configuration file space/y.yaml (in space/x.yaml)."),
        ("defaults: [{/sampler: '${seed}'}]", "has an interpolation that stands for nothing"),
        ("- 1", "A param is written with its type, not as a list or a number"),
        ("a: [1", "A configuration file is not YAML: "),
        ("a: &a [*a]", "A configuration file holds itself"),
    ],
)
def test_a_mistake_in_a_file_is_explained_with_its_name(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "x.yaml").write_text(text)
    assert sentence in refusal("space=x", folder=tmp_path)


def test_whatever_else_is_raised_ends_in_a_sentence() -> None:
    assert explain(TypeError("odd\nand more")) == "The configuration cannot be composed: odd."
    assert explain(ValueError()) == "The configuration cannot be composed: no reason is given."
    assert unreadable("x").endswith(".")


def test_a_suggestion_is_close() -> None:
    assert suggestion("n_trails", {"n_trials": 1, "name": 2}) == " (did you mean n_trials?)"
    assert suggestion("zzz", {"n_trials": 1}) == ""
