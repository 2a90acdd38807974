"""The word that test, effect and interval allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.claims import Blocks, Pair, compare, take_looks
from hpo.report.analysis.regrets import scales
from tests.support.noise_experiments import Draw, experiment


def pair(first: np.ndarray, second: np.ndarray) -> Pair:
    losses = np.array([first, second], float)
    filled = np.where(np.isinf(losses), np.max(losses[np.isfinite(losses)]), losses)
    is_whole = bool(np.isfinite(losses).all())
    units = tuple(f"seed {n}" for n in range(losses.shape[1]))
    return Pair("a", "b", Blocks(units, losses, filled, np.abs(filled)), (), is_whole)


def kind_of(shift: float, *, n: int = 10, rope: float = 0.0, n_pairs: int = 1) -> str:
    noise = np.random.default_rng(0).normal(0, 0.1, size=n)
    pairs = [pair(noise + shift, np.zeros(n))] * n_pairs
    return compare(pairs, rope=rope)[0].kind


@pytest.mark.parametrize(
    ("shift", "n", "rope", "kind"),
    [
        (1.0, 10, 0.0, "better"),
        (1.0, 10, 0.5, "better"),
        (1.0, 10, 1.5, "equivalent"),
        (0.5, 10, 0.55, "undecided"),
        (0.0, 10, 0.2, "equivalent"),
        (0.0, 10, 0.0, "undecided"),
        (9.0, 5, 0.0, "underpowered"),
    ],
)
def test_the_word(shift: float, n: int, rope: float, kind: str) -> None:
    assert kind_of(shift, n=n, rope=rope) == kind


def test_no_pair_is_told_apart_unless_friedman_says_that_something_differs() -> None:
    pairs = [pair(np.random.default_rng(0).normal(1, 0.1, size=10), np.zeros(10))]
    kinds = [compare(pairs, rope=0.0, omnibus=p)[0].kind for p in (None, 0.049, 0.05)]
    assert kinds == ["better", "better", "undecided"]


def test_more_pairs_take_more_seeds() -> None:
    assert kind_of(1.0, n=6, n_pairs=1) == "better"
    assert kind_of(1.0, n=6, n_pairs=2) == "undecided"


def test_counts_and_direction() -> None:
    (one,) = compare([pair(np.array([1, 2, 3, 9]), np.array([2, 2, 4, 0]))], rope=0)
    assert (one.wins, one.defeats, one.ties) == (2, 1, 1)
    assert one.ahead == "a", "the pseudo-median is not moved by the one bad pair"
    assert one.shift == -0.25


def failing(n_failed: int, behind: float, n: int = 12) -> Pair:
    """Returns a pair of which the first has nothing to show in some seeds and is far ahead in the others."""
    values = np.linspace(0.900, 0.906, n)
    return pair(np.where(np.arange(n) < n_failed, np.inf, values - behind), values)


def test_who_has_nothing_to_show_is_not_equivalent_to_who_has() -> None:
    first, second = np.full(10, np.inf), np.linspace(0.900, 0.908, 10)
    (one,) = compare([pair(first, second)], rope=0.05)
    assert (one.kind, one.ahead, one.shift) == ("better", "b", np.inf)
    assert (one.interval.low, one.interval.high) == (np.inf, np.inf)
    assert np.ptp(one.pair.filled_differences) < 0.05, "the filled values alone would have made them equivalent"


def test_one_study_with_nothing_to_show_is_enough_to_be_not_equivalent() -> None:
    kinds = [compare([failing(n, 0.0)], rope=0.05)[0].kind for n in (0, 1)]
    assert kinds == ["equivalent", "undecided"]


def test_the_effect_is_on_the_side_of_the_test() -> None:
    (one,) = compare([failing(8, 0.1)], rope=0.005)
    assert one.p < 0.05
    assert (one.wins, one.defeats) == (4, 8)
    assert one.pair.filled_differences.mean() < 0
    assert (one.kind, one.ahead) == ("better", "b")


def test_identical_outcomes_are_nobodys_claim() -> None:
    (one,) = compare([pair(np.ones(8), np.ones(8))], rope=0)
    assert one.kind == "undecided"
    assert one.ahead is None
    assert one.adjusted == 1.0


def test_rounding_is_no_difference() -> None:
    first = np.array([0.1 + 0.2, 0.7, 0.8, 0.3, 0.5, 0.6])
    second = np.array([0.3, 0.7, 0.8, 0.1 + 0.2, 0.5, 0.6])
    (found,) = compare([pair(first, second)], rope=0.0)
    assert (found.wins, found.defeats, found.ties, found.ahead, found.shift, found.p) == (0, 0, 6, None, 0.0, 1.0)


def falling(*levels: float) -> Draw:
    """Returns a strategy that reaches one level in each quarter of its trials."""
    return lambda rng, n: np.repeat(levels, n // len(levels)) + 0.01 * rng.normal(size=n)


def called(**strategies: Draw) -> list[str | None]:
    of = experiment(strategies, rng=np.random.default_rng(0), n_seeds=8)
    return [look.called[0] for look in take_looks(of, scales(of))]


def test_the_end_comes_first() -> None:
    of = experiment({"a": falling(4, 3, 2, 1), "b": falling(8, 7, 6, 5)}, rng=np.random.default_rng(0), n_seeds=8)
    looks = take_looks(of, scales(of))
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
    looks = take_looks(replace(of, rope=0.1), scales(of))
    assert [look.winner(of.strategies) for look in looks] == [None] * 3
