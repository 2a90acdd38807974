"""Distances between configurations: ranges, log scales, choices, and what is found exactly."""

from __future__ import annotations

import numpy as np
import pytest

from hpo.space.cube import Axis, Cube

AXES = (
    Axis("lr", 1e-4, 1.0, log=True),
    Axis("size", 10, 20),
    Axis("kind", choices=("a", "b", None)),
    Axis("constant", 3, 3),
)


def params(lr: float, size: int, kind: str | None) -> dict[str, float | int | str | None]:
    return {"lr": lr, "size": size, "kind": kind, "constant": 3}


POINTS = [params(1e-4, 10, "a"), params(1e-2, 15, "b"), params(1.0, 20, None), params(1.0, 20, "a")]


def test_places_lie_between_0_and_1_on_each_scale() -> None:
    cube = Cube(AXES, POINTS)
    assert np.allclose(cube.points, [[0, 0, 0, 0], [0.5, 0.5, 1, 0], [1, 1, 2, 0], [1, 1, 0, 0]])


def test_the_nearest_is_nearest_on_the_log_scale() -> None:
    cube = Cube(AXES, POINTS)
    index, distance = cube.nearest(params(2e-2, 15, "b"))
    assert index == 1
    assert distance == pytest.approx(np.log10(2) / 4)
    assert cube.nearest(params(1e-3, 10, "a"))[0] == 0  # linearly, 1e-2 would be as far away as nothing


def test_every_other_choice_is_equally_far() -> None:
    cube = Cube(AXES, POINTS)
    closed = np.array([True, True, False, True])
    assert cube.nearest(params(1.0, 20, "a"), closed=closed) == (2, 1.0)
    assert cube.nearest(params(1.0, 20, "b"), closed=closed) == (2, 1.0)


def test_the_first_wins_ties_and_closed_ones_are_not_chosen() -> None:
    cube = Cube(AXES, [params(0.1, 12, "a"), params(0.1, 12, "a")])
    assert cube.nearest(params(0.1, 12, "a"))[0] == cube.find(params(0.1, 12, "a")) == 0
    assert cube.nearest(params(0.1, 12, "a"), closed=np.array([True, False])) == (1, 0.0)


def test_numbers_are_found_by_value_and_never_as_booleans() -> None:
    cube = Cube((Axis("n", 0, 1), Axis("flag", choices=(True, False))), [{"n": 1, "flag": True}])
    assert cube.find({"n": 1.0, "flag": True}) == 0
    assert cube.find({"n": 0.5, "flag": True}) is None
    with pytest.raises(ValueError, match="flag=1 is none of True, False"):
        cube.nearest({"n": 1, "flag": 1})
    with pytest.raises(ValueError, match="n=True is no number"):
        cube.nearest({"n": True, "flag": True})
