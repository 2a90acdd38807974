"""Numbers and params as text: short to read, exact to paste."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.contracts.records import FAIL, RUNNING, Budget
from hpo.machine.escaping import last_line, printable
from hpo.terminal.format import (
    format_budget,
    format_counts,
    format_duration,
    format_number,
    format_params,
    sparkline,
)
from tests.support.mlflow_contents import make_trial


def test_params_are_named_by_their_last_part_unless_that_is_ambiguous() -> None:
    assert format_params({"model.n_hid": 96, "train.lr": 0.012345}) == "n_hid=96 lr=0.0123"
    assert format_params({"model.x": 1, "train.x": None, "train.on": True}) == "model.x=1 train.x=null on=true"


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7_500, "2 h 05 min"),
        (273_600, "3 d 04 h"),
    ],
)
def test_durations_carry_their_units(duration_s: float, text: str) -> None:
    assert format_duration(duration_s) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.83125, "0.8313"), (0.0, "0.0000"), (1.2e-5, "1.200e-05"), (-0.5, "-0.5000"), (1e6, "1.000e+06")],
)
def test_small_and_large_numbers_keep_four_digits(value: float, text: str) -> None:
    assert format_number(value) == text


@given(st.lists(st.floats()), st.integers(2, 20))
def test_a_curve_is_never_wider_than_asked_and_shows_its_highest_value(values: list[float], width: int) -> None:
    curve = sparkline(values, width=width)
    finite = [value for value in values if math.isfinite(value)]
    assert len(curve) == min(len(finite), width)
    if 1 < len(finite) <= width and max(finite) / 2 > min(finite) / 2:
        assert curve[finite.index(max(finite))] == "█"
        assert curve[finite.index(min(finite))] == "▁"


def test_counts_name_the_reasons_of_failures() -> None:
    trials = [make_trial(0), make_trial(1, FAIL), make_trial(2, FAIL, reason="oom"), make_trial(3, FAIL)]
    assert format_counts(trials) == "1 complete, 3 failed (2 diverged, 1 oom)"
    assert format_counts([make_trial(0, RUNNING), make_trial(1, FAIL)]) == "1 running, 1 failed (diverged)"
    assert format_counts([]) == "no trial yet"


def test_budget_names_every_limit() -> None:
    assert format_budget(Budget(n_trials=16, timeout_s=3600)) == "16 trials or 1 h 00 min"
    assert format_budget(Budget()) == "no limit"


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    assert printable("\x1b[2Jgone\r\n\x07") == "[2Jgone"
    assert last_line("Traceback\n  File x\nValueError: \x1b[31mred\n\n") == "ValueError:  [31mred"
    assert last_line("\n") == ""
