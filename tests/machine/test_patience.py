"""Waiting between tries: longer each time, and over when it was long enough or somebody says so."""

from __future__ import annotations

import time

import pytest

from hpo.machine.patience import Patience
from hpo.machine.signals import never


def timed(patience: Patience) -> tuple[bool, float]:
    began_s = time.monotonic()
    return patience.pause(), time.monotonic() - began_s


def test_each_pause_is_twice_the_one_before() -> None:
    patience = Patience(60.0, never)
    for least_s in (0.1, 0.2, 0.4):
        is_tried_again, took_s = timed(patience)
        assert is_tried_again
        assert took_s >= least_s
    assert patience.waited_s >= 0.7


@pytest.mark.parametrize("limit_s", [0.0, 0.15])
def test_nothing_is_tried_again_after_the_limit(limit_s: float) -> None:
    patience = Patience(limit_s, never)
    while patience.pause():
        pass
    assert patience.waited_s > limit_s


def test_who_must_stop_waits_no_longer() -> None:
    n_asked = 0

    def must_stop() -> bool:
        nonlocal n_asked
        n_asked += 1
        return n_asked > 2

    patience = Patience(60.0, must_stop)
    while patience.pause():
        pass
    assert n_asked == 3
    assert patience.waited_s < 30
