"""The order of looks and their gates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from made_up import Draw, experiment

from hpo.report.intervals import resampling
from hpo.report.looks import take_looks
from hpo.report.scale import scales


def falling(*levels: float) -> Draw:
    """Returns a strategy that reaches one level in each quarter of its trials."""
    return lambda rng, n: np.repeat(levels, n // len(levels)) + 0.01 * rng.normal(size=n)


def called(**strategies: Draw) -> list[str | None]:
    of = experiment(strategies, rng=np.random.default_rng(0), n_seeds=8)
    return [look.called[0] for look in take_looks(of, scales(of), source=resampling(0, 100))]


def test_the_end_comes_first() -> None:
    of = experiment({"a": falling(4, 3, 2, 1), "b": falling(8, 7, 6, 5)}, rng=np.random.default_rng(0), n_seeds=8)
    looks = take_looks(of, scales(of), source=resampling(0, 100))
    assert [look.endpoint.key for look in looks] == ["100 %", "50 %", "25 %"]
    assert [look.winner(of.strategies) for look in looks] == ["a"] * 3


def test_a_gate_stays_shut_once_a_look_says_nothing() -> None:
    assert called(a=falling(1, 1, 1, 1), b=falling(5, 5, 5, 9)) == ["a", "a", "a"]
    # Level at the end: the clear lead at 25 and 50 % may not be called.
    assert called(a=falling(1, 1, 1, 1), b=falling(5, 5, 1, 1))[1:] == [None, None]
    # Ahead at the end, level at half: nothing at a quarter either.
    assert called(a=falling(1, 1, 1, 0), b=falling(5, 1, 1, 1))[::2] == ["a", None]


def test_a_gate_opens_in_the_same_direction_only() -> None:
    assert called(a=falling(1, 1, 1, 1), b=falling(5, 5, 5, 0)) == ["b", None, None]


def test_one_strategy_wins_nothing() -> None:
    of = experiment({"a": falling(1, 1, 1, 1)}, rng=np.random.default_rng(0))
    looks = take_looks(replace(of, rope=0.1), scales(of), source=resampling(0, 100))
    assert [look.winner(of.strategies) for look in looks] == [None] * 3
