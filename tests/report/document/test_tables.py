"""Cells as text and as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from hpo.figures.figure import Axis, Cell, Figure, Series, View
from hpo.report.document.content import Column, Table
from hpo.report.document.tables import FIGURE_COLUMNS, figure_csv, is_numeric, show_cell, show_column, table_csv


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    ("cell", "spec", "shown"),
    [
        (0.123456, ".4g", "0.1235"),
        (123456, ".4g", "123456"),
        (0.25, ".1%", "25.0%"),
        (3, ".2f", "3.00"),
        (12110.4, ".4g", "12110"),
        (1e12, ".4g", "1e+12"),
        (None, ".4g", "–"),
        (float("nan"), ".4g", "–"),
        (float("inf"), ".4g", "∞"),
        ("3/10", ".4g", "3/10"),
    ],
)
def test_a_cell_is_shown_as_its_column_says(cell: Cell, spec: str, shown: str) -> None:
    assert show_cell(cell, Column("c", spec)) == shown


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([1, None], True),
        (["3/10", "<0.001", "−0.2 [0, 1]"], True),
        (["1e-05", "12 s", "3 of 10"], True),
        (["0629dbf5ed6f3710 (numpy 2.4.6)"], False),
        (["2 of the trials were stopped before they had learnt anything"], False),
        (["tpe", 3], False),
        ([None], False),
        ([], False),
        ([""], False),
    ],
)
def test_columns_of_numbers_are_known(cells: list[Cell], expected: bool) -> None:
    assert is_numeric(cells) is expected


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ([0.85062, 0.846, None, "x", 3], ["0.8506", "0.8460", "–", "x", "3"]),
        ([0.005, 40.0], ["0.005", "40"]),
        ([1234.0, 5.0], ["1234", "5.000"]),
        ([], []),
    ],
)
def test_digits_stand_under_digits(cells: list[Cell], shown: list[str]) -> None:
    assert show_column(cells, Column("c")) == shown


def test_a_table_keeps_every_digit_and_no_formula() -> None:
    table = Table("t", "T", [Column("=a"), Column("b")], [["=cmd()", 0.1 + 0.2], ["-x,\n", -1], [None, float("nan")]])
    assert read(table_csv(table)) == [["'=a", "b"], ["'=cmd()", "0.30000000000000004"], ["'-x,\n", "-1"], ["", ""]]


def test_every_number_of_a_figure_is_in_its_csv() -> None:
    first = View(
        "epochs", Axis("x"), Axis("y"), [Series("b", "band", [1], (), "tpe", [0.5], [1.5])], [("x", 7.0, "here")]
    )
    second = View("seconds", Axis("x"), Axis("y"), [Series("s", "shade", ["p"], ["q"], z=[0.25], text=["@t"])])
    assert read(figure_csv(Figure("f", "F", "", [first, second]))) == [
        list(FIGURE_COLUMNS),
        ["epochs", "b", "tpe", "band", "1", "", "0.5", "1.5", "", ""],
        ["epochs", "here", "", "reference", "7.0", "", "", "", "", ""],
        ["seconds", "s", "", "shade", "p", "q", "", "", "0.25", "'@t"],
    ]
