"""Expected running times against a worked example and resampling written as a loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hpo.report.analysis.incumbents import Steps
from hpo.report.analysis.runtimes import Runtimes, ratio_interval, runtimes
from hpo.statistics.bootstrap import Resampling

REACHED = Runtimes(np.array([10.0, 30.0, math.inf, math.inf]), np.array([100.0, 100.0, 100.0, 60.0]))


def test_runs_that_never_reach_the_target_are_charged_in_full() -> None:
    # COCO: ERT = (10 + 30 + 100 + 60) / 2.
    assert REACHED.expected == 100
    assert REACHED.n_reached == 2
    assert Runtimes(np.array([math.inf]), np.array([5.0])).expected == math.inf


def test_expected_running_time_is_that_of_restarting_until_success() -> None:
    rng = np.random.default_rng(0)
    totals = []
    for _ in range(20_000):
        total = 0.0
        while True:
            run = rng.integers(4)
            total += REACHED.charged[run]
            if math.isfinite(REACHED.costs[run]):
                break
        totals.append(total)
    assert np.mean(totals) == pytest.approx(REACHED.expected, rel=0.03)


def test_a_target_is_reached_at_the_first_incumbent_at_or_below_it() -> None:
    curve = Steps(np.array([2.0, 5.0, 9.0]), np.array([7.0, 4.0, 1.0]), 12.0, math.inf)
    assert [runtimes([curve], target).costs[0] for target in (7.5, 7, 4.5, 4, 1, 0.5)] == [2, 2, 5, 5, 9, math.inf]
    assert runtimes([curve], 0.5).charged.tolist() == [12]


def test_the_interval_of_a_ratio_equals_resampling_in_a_loop() -> None:
    rng = np.random.default_rng(0)
    one = Runtimes(rng.gamma(4, 5, size=12), np.full(12, 100.0))
    other = Runtimes(rng.gamma(4, 9, size=12), np.full(12, 100.0))
    interval = ratio_interval(one, other, is_paired=True, source=Resampling(1, 5000))
    drawn = [rng.integers(12, size=12) for _ in range(5000)]
    ratios = [one.costs[index].sum() / other.costs[index].sum() for index in drawn]
    assert (interval.low, interval.high) == pytest.approx(tuple(np.percentile(ratios, [2.5, 97.5])), abs=0.03)
    free = ratio_interval(one, other, is_paired=False, source=Resampling(1, 5000))
    apart = [one.costs[rng.integers(12, size=12)].sum() / other.costs[index].sum() for index in drawn]
    assert (free.low, free.high) == pytest.approx(tuple(np.percentile(apart, [2.5, 97.5])), abs=0.05)


def test_a_target_hardly_reached_has_an_open_end() -> None:
    rare = Runtimes(np.array([5.0, math.inf, math.inf]), np.full(3, 10.0))
    always = Runtimes(np.array([1.0, 2.0, 3.0]), np.full(3, 10.0))
    assert ratio_interval(rare, always, is_paired=True, source=Resampling(0, 500)).high is None
    assert ratio_interval(always, rare, is_paired=True, source=Resampling(0, 500)).low == 0
    single = Runtimes(np.array([1.0]), np.array([1.0]))
    assert ratio_interval(single, always, is_paired=False, source=Resampling(0, 500)).low is None
