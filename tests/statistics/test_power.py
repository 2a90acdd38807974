"""How many differences show a difference of interest: against the claims of power that reports make."""

from __future__ import annotations

from math import comb

import pytest

from hpo.statistics.power import MOST, Effort, Question, effort
from hpo.statistics.signed_rank import detectable_shift


def needed(
    shift: float, *, rope: float = 0.0, n_tests: int = 1, has_looks: bool = False, futility: float = 0.0
) -> Effort:
    found = effort(Question(shift, rope, n_tests, futility), has_looks=has_looks)
    assert found is not None
    return found


@pytest.mark.parametrize(("shift", "n_tests"), [(1.5, 1), (1.0, 1), (1.0, 3)])
def test_it_is_the_number_whose_smallest_detectable_difference_that_is(shift: float, n_tests: int) -> None:
    found = needed(shift, n_tests=n_tests)
    at, before = (detectable_shift(n, n_tests=n_tests) for n in (found.n, found.n - 1))
    assert at is not None
    assert at <= shift + 0.03
    assert before is None or before >= shift - 0.03
    assert found.mean == found.mean_without == found.n


def test_a_certain_difference_takes_as_many_as_can_reject_at_all() -> None:
    assert needed(50.0).n == 6
    assert needed(50.0, n_tests=3).n == 7  # 2 / 2^6 is above .05 / 3
    assert comb(7, 0) * 2 / 2**7 < 0.05 / 3


def test_looks_take_fewer_on_average_and_more_at_most() -> None:
    fixed, looked = needed(1.0), needed(1.0, has_looks=True)
    assert fixed.n <= looked.n <= fixed.n + 4
    assert looked.mean < 0.85 * fixed.n
    assert looked.mean_without > 0.97 * looked.n
    assert needed(1.0, has_looks=True, futility=0.05).mean_without < 0.75 * looked.n


def test_the_rope_has_to_be_left_behind() -> None:
    assert needed(1.0, rope=0.8).n > needed(1.0, rope=0.3).n >= needed(1.0).n


def test_of_a_small_difference_no_number_is_told() -> None:
    assert effort(Question(0.05, 0.0, 1), has_looks=False) is None
    assert MOST == 120
