"""How far the stages of a preparation are said to be, on a clock of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.artifacts.steps import STEPS, StepCounter, read_steps
from hpo.terminal.console import QUIET_S, Stages


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def told(stages: Stages, clock: Clock, *, total: int, step_s: float) -> list[int]:
    """Returns the percentages that a log is told while a stage goes from nothing to `total` by ones."""
    percentages = []
    for done in range(total + 1):
        percentages.append(stages.milestone("texts", stages.moved("texts", done, total)))
        clock.now_s += step_s
    return [percent for percent in percentages if percent is not None]


@pytest.mark.parametrize(
    ("step_s", "percentages"),
    [(0.001, [0, 50, 100]), (1.3, [0, 40, 50, 90, 100]), (QUIET_S, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100])],
)
def test_a_log_hears_of_halves_and_of_tenths_of_what_takes_long(step_s: float, percentages: list[int]) -> None:
    clock = Clock()
    total = 100 if step_s < QUIET_S else 1000
    assert told(Stages(clock), clock, total=total, step_s=step_s) == percentages


def test_the_time_left_is_said_once_it_can_be_known() -> None:
    clock = Clock()
    stages = Stages(clock)
    assert stages.moved("encoder", 100, 1000).left == ""  # these are of an earlier command, which took another time
    clock.now_s += 5
    assert stages.moved("encoder", 150, 1000).left == ""
    clock.now_s += 25
    assert stages.moved("encoder", 400, 1000).left == ", about 1 min 00 s left"
    assert stages.moved("encoder", 1000, 1000).left == ""


def test_batches_are_counted_once_a_second_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr("hpo.artifacts.steps.time.monotonic", lambda: now_s)
    counter = StepCounter(tmp_path, n_batches=10, n_epochs=2)
    assert read_steps(tmp_path) is None
    seen = []
    for epoch in range(2):
        for batch in range(1, 11):
            counter.count(epoch, batch)
            seen.append(read_steps(tmp_path))
            now_s += 0.3
    assert seen[0] == (1, 20)
    assert seen[4] == (5, 20)
    assert seen[3] == seen[0]
    assert seen[-1] == (20, 20)


def test_a_disk_that_takes_no_count_stops_no_training(tmp_path: Path) -> None:
    StepCounter(tmp_path / "lacking", n_batches=1, n_epochs=1).count(0, 1)
    (tmp_path / STEPS).write_text("{")
    assert read_steps(tmp_path) is None
