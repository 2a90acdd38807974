"""Shares and their exact intervals."""

from __future__ import annotations

import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from hpo.report.analysis.phrases import share_columns
from hpo.statistics.proportion import Share, difference_interval


def test_the_interval_is_that_of_clopper_and_pearson() -> None:
    low, high = Share(0, 10).interval
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 10))  # the closed form where nothing was found
    assert Share(10, 10).interval == (pytest.approx(0.025 ** (1 / 10)), 1)
    low, high = Share(3, 14).interval
    assert stats.binom.sf(2, 14, low) == pytest.approx(0.025)  # at its ends 3 of 14 is just about possible
    assert stats.binom.cdf(3, 14, high) == pytest.approx(0.025)


def test_nothing_of_nothing_has_no_share() -> None:
    assert Share(0, 0).cells == [None, None, None, None]
    assert Share(0, 0).numbers == {"k": 0, "n": 0, "share": None, "low": None, "high": None}


def test_cells_stand_below_their_columns() -> None:
    cells = Share(1, 4).cells
    assert cells[:2] == ["1/4", 0.25]
    assert [column.title for column in share_columns("Found", of="late")] == [
        "Found",
        "Share (late)",
        "95 % from (late)",
        "95 % to (late)",
    ]
    assert len(share_columns("Found")) == len(cells)


@pytest.mark.parametrize(("first", "second", "n"), [(56, 48, 80), (10, 0, 10), (0, 0, 10), (349, 350, 450)])
def test_the_interval_of_a_difference_is_newcombes(first: int, second: int, n: int) -> None:
    expected = confint_proportions_2indep(first, n, second, n, method="newcomb", compare="diff")
    assert difference_interval(first / n, second / n, n) == pytest.approx(expected, abs=1e-12)
