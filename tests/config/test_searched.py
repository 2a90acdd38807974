"""What typed words make of the space: bounds take the levels of a grid along, and it is said once."""

from __future__ import annotations

from typing import Any

import pytest

from hpo.commands.study import main
from hpo.config.compose import Composition, compose_job, hydra_initialized, register_schemas
from hpo.space.read import read_space


def compose(*words: str) -> Composition:
    register_schemas()
    with hydra_initialized():
        return compose_job("config", ["trainer=synthetic", *words])


def levels(path: str, *words: str) -> tuple[Any, ...]:
    space = read_space(compose(*words).config)
    return next(param.levels for param in space.params if param.path == path)


@pytest.mark.parametrize(
    ("words", "path", "left"),
    [
        (("space.train.epochs.high=3",), "train.epochs", (2,)),
        (("space.train.epochs={high: 5}",), "train.epochs", (2, 4)),
        (("space.train.epochs.low=3", "space.train.epochs.high=9"), "train.epochs", (4, 6)),
        (("space.train.epochs.low=7", "space.train.epochs.high=9"), "train.epochs", (7, 8, 9)),
        (("space.train.epochs.high=99",), "train.epochs", (2, 4, 6)),
        (("space.train.epochs.high=3", "space.train.epochs.levels=[3]"), "train.epochs", (3,)),
        (("space.train.lr.high=0.01",), "train.lr", (0.001, 0.00316227766017, 0.01)),
    ],
)
def test_a_moved_bound_takes_the_levels_along(words: tuple[str, ...], path: str, left: tuple[Any, ...]) -> None:
    assert levels(path, "sampler=grid", *words) == left
    assert levels(path, *words) == left


def test_a_level_that_is_typed_must_lie_inside() -> None:
    with pytest.raises(ValueError, match=r"space\.train\.epochs\.levels has 4, which lies outside its range 2 to 3"):
        levels("train.epochs", "space.train.epochs.high=3", "space.train.epochs.levels=[2,4]")


def test_only_a_grid_is_told_and_once() -> None:
    assert compose("space.train.epochs.high=3").notes == ()
    assert compose("sampler=grid", "space.train.epochs.high=3").notes == (
        "The grid leaves out space.train.epochs.levels=4, 6, outside the range that was given.",
    )
    (note,) = compose("sampler=grid", "space.train.epochs.low=7", "space.train.epochs.high=9").notes
    assert note.endswith("; in their place are 3, evenly spread.")


def test_the_note_is_shown(workdir: object, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["trainer=synthetic", "tracking=none", "executor=inline", "study.n_trials=2", "space.train.epochs.high=3"]
    assert main(["sampler=grid", *words]) == 0
    assert capsys.readouterr().out.count("The grid leaves out space.train.epochs.levels=4, 6") == 1
    assert main(words) == 0
    assert "leaves out" not in capsys.readouterr().out
