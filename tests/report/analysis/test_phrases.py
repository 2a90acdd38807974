"""Tables that name the task only where there are several."""

from __future__ import annotations

import math

import pytest

from hpo.report.analysis.phrases import (
    count,
    effect_text,
    interval_text,
    listing,
    number,
    p_value,
    plural,
    task_name,
)
from hpo.statistics.interval import NO_INTERVAL, Interval


def test_a_task_without_a_name_has_one_to_show() -> None:
    assert task_name("imdb") == "imdb"
    assert task_name("") == "all trials"


@pytest.mark.parametrize(
    ("n", "noun", "text"), [(1, "seed", "1 seed"), (0, "seed", "0 seeds"), (2, "study", "2 studies")]
)
def test_counts(n: int, noun: str, text: str) -> None:
    assert count(n, noun) == text


def test_listings() -> None:
    assert [listing(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "none",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_numbers_and_p_values() -> None:
    assert (number(None), number(0.123456)) == ("–", "0.1235")
    assert (p_value(0.00001), p_value(0.0478)) == ("p < .0001", "p = 0.048")
    assert plural("strategy") == "strategies"


def test_an_interval_turns_with_its_sign() -> None:
    interval = Interval(-1.0, 3.0, "signed-rank", 0.96)
    assert interval.times(1.0) == interval
    assert interval.times(-1.0) == Interval(-3.0, 1.0, "signed-rank", 0.96)
    assert interval_text(1.0, interval) == "95 % interval −1.0 to 3.0"
    assert interval_text(1.0, NO_INTERVAL.times(-1.0)) == "no 95 % interval exists"


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (0.0001852, -0.01533, 0.007593, ("0.000", "−0.015 to 0.008")),
        (0.2948, 0.0498, 0.63, ("0.29", "0.05 to 0.63")),
        (0.0061, 0.0002, 0.0121, ("0.0061", "0.0002 to 0.0121")),  # 0.000 would look as if 0 were in it
        (1234.6, 1000.0, 1500.0, ("1235", "1000 to 1500")),
        (-3.0, -math.inf, -1.0, ("−3.0", "no bound to −1.0")),
        (0.25, 0.25, 0.25, ("0.25", "0.25 to 0.25")),
        (3e-9, 1e-9, 5e-9, ("3e−09", "1e−09 to 5e−09")),
    ],
)
def test_an_effect_has_the_digits_its_interval_allows(value: float, low: float, high: float, shown: tuple) -> None:
    interval = Interval(low, high, "signed-rank")
    assert (effect_text(value, interval), interval_text(value, interval)) == (shown[0], f"95 % interval {shown[1]}")


def test_an_effect_without_an_interval_has_two_digits() -> None:
    assert effect_text(0.123456, NO_INTERVAL) == "0.12"
