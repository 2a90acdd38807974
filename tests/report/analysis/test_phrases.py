"""Tables that name the task only where there are several."""

from __future__ import annotations

import pytest

from hpo.report.analysis.phrases import (
    count,
    interval_text,
    listing,
    number,
    p_value,
    plural,
    task_name,
)
from hpo.statistics.bootstrap import Interval


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
    interval = Interval(-1.0, 3.0, "BCa")
    assert interval.times(1.0) == interval
    assert interval.times(-1.0) == Interval(-3.0, 1.0, "BCa")
    assert interval_text(interval) == "95 % CI −1 to 3"
    assert interval_text(Interval(None, None, "none").times(-1.0)) == "no interval"
