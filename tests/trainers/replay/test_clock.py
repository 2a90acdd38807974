"""Seconds of epochs: those since the beginning are noticed, and converted where the card says so."""

from __future__ import annotations

import math
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from hpo.trainers.replay.table import CurveTable, read_table
from tests.support.curve_tables import make_columns, write_table


def since_the_beginning(n: int = 24) -> tuple[dict[str, list[Any]], list[list[float]]]:
    columns = make_columns(n)
    each = [[1.0 + (i + epoch) % 3 for epoch in range(5)] for i in range(n)]
    columns["seconds"] = [list(accumulate(seconds)) for seconds in each]
    return columns, each


def opened(folder: Path, columns: dict[str, Any], **card: Any) -> CurveTable:
    return read_table(str(write_table(folder / "curves.parquet", columns, **card)))


def test_seconds_since_the_beginning_are_refused_until_the_card_says_what_they_are(tmp_path: Path) -> None:
    columns, each = since_the_beginning()
    with pytest.raises(
        ValueError, match=r"'seconds' rises from epoch to epoch in every row, .* seconds_are: cumulative"
    ):
        opened(tmp_path, columns)
    table = opened(tmp_path, columns, seconds_are="cumulative")
    assert [table.curve(row, seed=0).seconds.tolist() for row in range(24)] == each
    table = opened(tmp_path, columns, seconds_are="each")
    assert table.curve(3, seed=0).seconds.tolist() == columns["seconds"][3]


@pytest.mark.parametrize(("n", "changed"), [(2, False), (24, True)])
def test_seconds_that_may_be_those_of_epochs_are_taken_for_them(tmp_path: Path, n: int, changed: bool) -> None:
    columns, _ = since_the_beginning(n)  # two rows of five: one in 14,400
    if changed:
        columns["seconds"][-1][-1] = columns["seconds"][-1][0]  # one row does not rise
    assert opened(tmp_path, columns).curve(0, seed=0).seconds.tolist() == columns["seconds"][0]


def test_seconds_since_the_beginning_begin_before_the_first_usable_entry(tmp_path: Path) -> None:
    columns, each = since_the_beginning()
    table = opened(tmp_path, columns, first=1, seconds_are="cumulative")
    assert table.curve(2, seed=0).seconds.tolist() == each[2][1:]


def test_a_number_for_each_row_is_that_of_its_whole_curve(tmp_path: Path) -> None:
    columns = {**make_columns(), "total": [float(n) for n in range(24)]}
    table = opened(tmp_path, columns, seconds="total", seconds_are="cumulative")
    assert table.curve(10, seed=0).seconds.tolist() == [2.0] * 5


def test_seconds_that_fall_are_not_since_the_beginning(tmp_path: Path) -> None:
    columns, _ = since_the_beginning()
    columns["seconds"][5][3] = 0.5
    with pytest.raises(ValueError, match="'seconds' falls in row 5, so it does not count seconds since the beginning"):
        opened(tmp_path, columns, seconds_are="cumulative")
    with pytest.raises(ValueError, match="seconds_are='total' must be one of each, cumulative"):
        opened(tmp_path, columns, seconds_are="total")


def test_a_diverged_curve_needs_no_seconds_after_its_end(tmp_path: Path) -> None:
    columns, each = since_the_beginning()
    columns["loss"][0][3] = columns["seconds"][0][4] = math.nan
    curve = opened(tmp_path, columns, seconds_are="cumulative").curve(0, seed=0)
    assert (curve.n_finite, curve.seconds.tolist()[:4]) == (3, each[0][:4])
