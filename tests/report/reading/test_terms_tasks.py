"""Budgets that nobody gave are those of each task."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.phrases import budget_text
from hpo.report.analysis.records import Experiment
from hpo.report.reading.terms import Terms, settle, with_inferred_budget
from hpo.report.sections.anytime import build_anytime
from hpo.report.sections.regret import build_regret
from tests.support.noise_experiments import experiment, normal, study


def made(**n_trials: int) -> Experiment:
    """Returns studies of two strategies on tasks; the last trial of `b` is the best of all."""
    studies = tuple(
        study(name, seed, [*np.arange(n - 1) + 1.0, 1.0 if name == "a" else 0.0], task=task)
        for task, n in n_trials.items()
        for name in "ab"
        for seed in range(2)
    )
    empty = experiment({"x": normal()}, rng=np.random.default_rng(0), n_trials=1)
    return settle(with_inferred_budget(replace(empty, studies=studies, budget=1), []), Terms())


def test_a_short_task_does_not_cut_the_others() -> None:
    of = made(t=7, u=10)
    assert (of.unit, of.budget, dict(of.budgets)) == ("trials", 10, {"t": 7, "u": 10})
    assert budget_text(of) == "7 to 10 trials by task"
    losses = Analysis(of, n_resamples=20).looks[0].endpoint.losses
    assert set(losses["b"].values()) == {0.0}, "the last trial on u counts"
    assert of.deviations[0] == (
        "The studies of different tasks spent differently; those of a task are compared at the smallest budget there: "
        "7 to 10 trials."
    )


def test_sections_draw_each_task_to_its_own_end() -> None:
    analysis = Analysis(made(t=7, u=10), n_resamples=20)
    assert build_anytime(analysis).numbers
    assert set(build_regret(analysis).numbers["final_mean_regret"]["b"].values()) == {0.0}  # type: ignore[index]


def test_equal_tasks_share_a_budget_and_one_given_by_hand_is_for_all() -> None:
    assert made(t=7, u=7).budgets == {}
    by_hand = settle(made(t=7, u=10), Terms(budget=5))
    assert (by_hand.budget, by_hand.budgets) == (5, {})
