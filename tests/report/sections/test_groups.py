"""Strategies on many tasks, in groups."""

from __future__ import annotations

import numpy as np

from hpo.report.analysis.analysis import Analysis
from hpo.report.sections.groups import group_claims
from tests.support.noise_experiments import experiment, normal

TASKS = tuple(f"task {number}" for number in range(12))
STRATEGIES = {"worst": normal(3), "best": normal(-3), "good": normal(), "same": normal()}


def test_those_that_nobody_told_apart_stand_together_by_rank() -> None:
    of = experiment(STRATEGIES, rng=np.random.default_rng(1), n_seeds=3, n_trials=6, tasks=TASKS)
    claims = group_claims(Analysis(of, n_resamples=20))
    assert len(claims) == 3
    assert claims[0].text.startswith("Group 1: best (mean rank 1.0 of 4), better than ")
    assert claims[0].kind == "better"
    assert "not told apart from one another, each better than worst: by " in claims[1].text
    assert {"good", "same"} <= set(claims[1].text.replace(",", "").split())
    assert claims[2].text == "Group 3: worst (mean rank 4.0 of 4)."


def test_of_a_few_tasks_there_are_none() -> None:
    of = experiment(STRATEGIES, rng=np.random.default_rng(1), n_seeds=3, n_trials=6, tasks=TASKS[:8])
    assert group_claims(Analysis(of, n_resamples=20)) == []
