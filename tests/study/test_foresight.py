"""When the end of a study is seen coming: by what trials took, once, and only where a model comes of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import hpo.study.foresight
from hpo.config.schema import ModelLog
from hpo.study.foresight import SOON_S, Foresight
from hpo.tracking.tracker import NoTracker


class Expecting(NoTracker):
    def __init__(self) -> None:
        self.n_expected = 0

    def expect_model(self) -> None:
        self.n_expected += 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr(hpo.study.foresight.time, "monotonic", lambda: now.s)
    monkeypatch.setattr(hpo.study.foresight, "_load", lambda: None)
    return now


def role(log: ModelLog = ModelLog.best, corpus: str | None = "corpus") -> Any:
    return SimpleNamespace(corpus=corpus, config=SimpleNamespace(model=SimpleNamespace(log=log)))


def test_it_is_said_once_when_the_rest_takes_seconds(clock: SimpleNamespace) -> None:
    tracker = Expecting()
    foresight = Foresight(role(), tracker)
    said = []
    for number in range(24):  # a trial after the other, each of two seconds
        foresight.look((number + 1) / 24, n_begun=number + 1, n_running=1)
        said.append(tracker.n_expected)
        clock.s += 2
    left_s = 2 * (24 - said.index(1))
    assert SOON_S - 2 <= left_s <= SOON_S
    assert said[-1] == 1


def test_long_trials_are_waited_for_to_the_last(clock: SimpleNamespace) -> None:
    tracker = Expecting()
    foresight = Foresight(role(), tracker)
    for number in range(3):
        foresight.look((number + 1) / 4, n_begun=number + 1, n_running=1)
        clock.s += 600
    assert tracker.n_expected == 0
    foresight.look(1.0, n_begun=4, n_running=1)
    assert tracker.n_expected == 1


def test_trials_of_an_earlier_driver_say_nothing_of_the_pace(clock: SimpleNamespace) -> None:
    tracker = Expecting()
    foresight = Foresight(role(), tracker)
    foresight.look(0.9, n_begun=90, n_running=1)
    clock.s += 0.1
    foresight.look(0.91, n_begun=91, n_running=2)
    assert tracker.n_expected == 0


@pytest.mark.parametrize("given", [role(ModelLog.none), role(corpus=None)])
def test_without_a_model_nothing_is_expected(given: Any, clock: SimpleNamespace) -> None:
    tracker = Expecting()
    Foresight(given, tracker).look(1.0, n_begun=1, n_running=1)
    assert tracker.n_expected == 0
