"""What belongs together: seeds on one task, tasks where there are several."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.claims import pair_up, rope_of
from hpo.report.analysis.endpoints import endpoints
from hpo.report.analysis.records import Experiment, Study
from hpo.report.analysis.regrets import scales
from tests.support.noise_experiments import experiment, normal, study, trial

FAILED = (trial(0, None, state="FAIL"),)


def made(*studies: Study, **changes) -> Experiment:
    of = experiment({"x": normal()}, rng=np.random.default_rng(0), n_trials=1)
    return replace(of, studies=studies, **changes)


def pairs(of: Experiment):
    return pair_up(of, endpoints(of, scales(of))[0], scales(of))


def test_seeds_are_paired_by_their_number() -> None:
    of = made(study("a", 2, [5]), study("a", 1, [6]), study("b", 1, [4]), study("b", 2, [1]), study("b", 3, [0]))
    (pair,) = pairs(of)
    assert pair.blocks.units == ("seed 2", "seed 1")
    assert pair.differences.tolist() == [4, 2]
    assert pair.left_out == (("task", 3),)
    assert pair.is_whole
    assert (of.paired_by, of.quantity) == ("seed", "valid_loss")


def test_a_failed_study_is_worse_than_any_and_filled_with_the_worst_value() -> None:
    of = made(study("a", 1, [5]), replace(study("b", 1, []), trials=FAILED))
    (pair,) = pairs(of)
    assert pair.differences.tolist() == [-math.inf]
    assert pair.filled_differences.tolist() == [0.0]
    assert not pair.is_whole


def test_two_failed_studies_are_level() -> None:
    of = made(*(replace(study(name, 1, []), trials=FAILED) for name in "ab"), study("a", 2, [1]), study("b", 2, [2]))
    (pair,) = pairs(of)
    assert pair.differences.tolist() == [0, -1]


def test_several_tasks_are_compared_by_mean_regret() -> None:
    of = made(
        study("random", 0, [10], task="t"),
        study("random", 1, [6], task="t"),
        study("b", 0, [4], task="t"),
        study("b", 1, [8], task="t"),
        study("random", 0, [100], task="u"),
        study("b", 0, [50], task="u"),
        rope=1.0,
    )
    (pair,) = pairs(of)
    assert pair.blocks.units == ("t", "u")
    # On t the best is 4, the median of random 8; on u 50 and 100.
    assert pair.differences == pytest.approx([(8 - 6) / 4, 1.0])
    assert rope_of(of, scales(of)) == pytest.approx((1 / 4 + 1 / 50) / 2)
    assert (of.paired_by, of.quantity) == ("task", "normalised regret")


def test_a_task_some_of_whose_seeds_failed_is_filled() -> None:
    failed = replace(study("b", 0, [], task="t"), trials=FAILED)
    of = made(*(study("random", seed, [10 + seed], task=task) for task in "tu" for seed in (0, 1)))
    others = (failed, study("b", 1, [4], task="t"), study("b", 0, [2], task="u"), study("b", 1, [2], task="u"))
    (pair,) = pairs(replace(of, studies=(*of.studies, *others)))
    assert np.isfinite(pair.blocks.ranked).all()
    assert not pair.is_whole


def test_a_task_all_of_whose_seeds_failed_is_worse_than_any() -> None:
    of = made(
        study("random", 0, [10], task="t"),
        replace(study("b", 0, [], task="t"), trials=FAILED),
        study("random", 0, [3], task="u"),
        study("b", 0, [2], task="u"),
    )
    (pair,) = pairs(of)
    assert pair.differences[0] == -math.inf
    assert np.isfinite(pair.blocks.filled).all()
