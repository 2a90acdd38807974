"""The benchmark's arithmetic: ratios within a repeat, what is worse, the meter; not what anything costs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.meter import MARK, measure
from benchmarks.results import Ratio, Result, ratios_of, said_of, table, worse_than
from benchmarks.rows import ROWS, Row


def _row(*, is_more_better: bool = False) -> Row:
    return Row("r", "CPU", lambda _: 1.0, {"bare": lambda _: 1.0}, {"bare": 1.2}, is_more_better=is_more_better)


def _result(ratios: list[float]) -> Result:
    return Result("r", "CPU", False, [Ratio("bare", ratios, 1.2)], (0.1, 0.3), "m", "2026-01-01")


def test_ratios_are_of_one_repeat() -> None:
    seconds = {"ours": [2.0, 8.0], "bare": [1.0, 4.0]}
    assert ratios_of(_row(), seconds, [0.0]).ratios[0].ratios == [2.0, 2.0]
    assert ratios_of(_row(is_more_better=True), seconds, [0.0]).ratios[0].ratios == [0.5, 0.5]


def test_worse_is_beyond_the_range_of_before() -> None:
    kept = {"r": _result([1.0, 1.1, 1.2])}
    assert worse_than([_result([1.15, 1.15, 1.3])], kept) == []
    assert worse_than([_result([1.1, 1.25, 1.3])], kept) == ["WORSE: r: 1.25 × bare, was 1.10 (1.00 to 1.20)"]


def test_a_goal_is_met_by_the_median() -> None:
    assert "met" in said_of(_result([1.0, 1.2, 2.0]))
    assert "missed" in table([_result([1.0, 1.21, 2.0])])


@pytest.mark.parametrize(
    "line",
    ["trial 3: 0.5", "[3/24] trial 2 complete: accuracy 0.8", "trial a1b2_0001: done", "[4/4] trial 3 pruned: x"],
)
def test_the_end_of_a_trial_is_seen(line: str) -> None:
    assert MARK.match(line)


@pytest.mark.parametrize(
    "line", ["trial  accuracy  epochs", "best    trial 2; to train it again", "trials  4 complete;"]
)
def test_nothing_else_is_taken_for_it(line: str) -> None:
    assert not MARK.match(line)


def test_the_meter_counts_processor_time_of_all_processes(tmp_path: Path) -> None:
    busy = "import time\nwhile time.process_time() < .2: pass\n"
    program = tmp_path / "program.py"
    program.write_text(
        "import subprocess, sys, time\nprint('trial 0: x', flush=True)\n"
        f"subprocess.run([sys.executable, '-c', {busy!r}])\n"
        "print('trial 1: x', flush=True)\ntime.sleep(.3)"
    )
    cost = measure([[sys.executable, str(program)]], tmp_path)
    assert len(cost.marks) == 2
    assert cost.of_a_trial(n_first=1, clock="cpu") > 0.15  # the clock's steps are 0.01
    assert cost.after_last_s >= 0.3
    assert cost.cpu_s >= 0.2


def test_a_program_that_fails_is_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such peer"):
        measure([[sys.executable, "-c", "raise SystemExit('no such peer')"]], tmp_path)


def test_every_goal_is_about_a_peer() -> None:
    assert [row.name for row in ROWS if not set(row.goals) <= set(row.peers)] == []
    assert [row.name for row in ROWS if not set(dict(row.needs)) <= set(row.peers)] == []
