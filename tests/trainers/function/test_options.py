"""What is refused of a user's function before a study begins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.trainers.function.find import Call, find_call, give_call
from tests.support.functions import MODULE
from tests.support.studies import plan_study

GIVEN = ("trainer=function", "space=function", "study.metric=auc", "study.direction=maximize", "tracking=none")
LR = "+space.params={lr: {type: float, low: 0.1, high: 1.0}}"


def plan(name: str, *overrides: str) -> object:
    call = name if ":" in name else f"{MODULE}:{name}"
    return plan_study(*GIVEN, f"trainer.call='{call}'", *overrides)


def test_its_params_are_searched_and_given() -> None:
    planned = plan_study(*GIVEN, f"trainer.call={MODULE}:steps", LR, "++params.depth=3", "trainer.path=.")
    assert [param.path for param in planned.space.params] == ["params.lr"]
    assert planned.config.params == {"depth": 3}
    trainer = planned.config.trainer
    assert Path(trainer.path).is_absolute()  # type: ignore[attr-defined]  # a function's settings
    assert len(trainer.sha256) == 64  # type: ignore[attr-defined]  # a function's settings
    assert planned.config.study.test
    assert not plan_study(*GIVEN, f"trainer.call={MODULE}:steps", LR, "study.test=false").config.study.test


REFUSED = {
    (
        "mymodule.py:train",
        LR,
    ): "trainer.call=mymodule.py:train is no MODULE:FUNCTION; name both as Python does: trainer.call=mymodule:train.",
    (
        "code/mine.py:train",
        LR,
    ): "trainer.call=code/mine.py:train is no MODULE:FUNCTION; name both as Python does: trainer.call=code.mine:train.",
    ("mymodule.train:", LR): "name both as Python does: trainer.call=mymodule:train.",
    ("hpo:Study", LR): "trainer.call=hpo:Study is a class; name a function, or a method of an object.",
    ("steps", LR, "trainer.path=nowhere"): "trainer.path=nowhere is no folder; give the one that has the module.",
    ("no_such:train", LR): "no_such cannot be imported: No module named 'no_such'; start where no_such.py is, or give",
    ("step", LR): "has no function step (did you mean steps?); name one that trains.",
    ("not_a_function", LR): "has no function not_a_function",
    ("returns", LR): "returns reports no epoch: it has to yield a dict of metrics after every epoch, or take on_epoch",
    ("__main__:train", LR): "is defined in a notebook or a shell, where no other process finds it; use executor=inline",
    ("steps", "space=awd_lstm_small"): "The space searches model.drop_mult, which tests.support.functions:steps does",
    ("steps", LR, "+space.params={width: {type: int, low: 1, high: 2}}"): (
        "space.params.width is no argument of tests.support.functions:steps, which takes lr, depth; rename one of them."
    ),
    ("steps", LR, "++params.width=1"): "params.width is no argument of",
    ("steps", "+space.params={depth: {type: int, low: 1, high: 2}}"): (
        "steps takes lr, which has no value; give it a default, search it as space.params.lr, or give params.lr=VALUE."
    ),
    (
        "steps",
        LR,
        "++params.seed=1",
    ): "params.seed: seed is what hpo gives a function itself; name the param otherwise.",
    (
        "takes_all",
        LR,
        "+space.params={folder: {type: int, low: 1, high: 2}}",
    ): "space.params.folder: folder is what hpo",
    ("takes_all", "space=function"): "space is empty; write what is searched into conf/space/mine.yaml",
    ("swallows", LR, "+space.train={epochs: {type: int, low: 1, high: 2}}"): (
        "The space searches train.epochs, but tests.support.functions:swallows does not take epochs; add the argument."
    ),
    (
        "steps",
        LR,
        "study.direction=null",
    ): "Nothing is known of study.metric=auc (did you mean roc_auc?); give study.direction=maximize or",
}


@pytest.mark.parametrize("given", REFUSED, ids=" ".join)
def test_what_does_not_fit_is_one_sentence(given: tuple[str, ...]) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # its text is compared below
        plan(*given)
    assert REFUSED[given] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_other_trainers_have_no_arguments_and_known_metrics() -> None:
    with pytest.raises(ValueError, match=r"params.lr is an argument of a function of yours; choose trainer=function"):
        plan_study("trainer=synthetic", "++params.lr=1")
    with pytest.raises(ValueError, match=r"study.metric=auc is not measured; give one of accuracy, macro_f1, valid_"):
        plan_study("trainer=synthetic", "study.metric=auc", "study.direction=maximize")
    with pytest.raises(ValueError, match=r"study.direction=minimize is the wrong way for accuracy, which is to maximi"):
        plan_study("trainer=synthetic", "study.direction=minimize")


def test_without_a_test_beside_it_nothing_is_tested() -> None:
    def alone(lr: float) -> Iterator[dict[str, float]]:
        yield {"auc": lr}

    give_call(Call("__main__:alone", alone))
    assert not plan_study(*GIVEN, "trainer.call='__main__:alone'", LR, "executor=inline").config.study.test


def test_a_function_is_told_by_the_text_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "told.py").write_text("def train(lr):\n    yield {'auc': lr}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_call("told:train", str(tmp_path)).sha256 != find_call(f"{MODULE}:steps", "").sha256
