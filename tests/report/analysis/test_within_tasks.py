"""Few tasks with many seeds: a claim of its own, for these tasks alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.analysis.within_tasks import Within, within_tasks
from hpo.report.document.content import Verdict
from hpo.report.sections.statistics import build_statistics
from hpo.report.sections.verdict import build_verdict
from tests.support.noise_experiments import study


def made(*, n_tasks: int = 3, n_seeds: int = 8, lead: float = 0.5) -> Experiment:
    rng = np.random.default_rng(0)
    studies = [
        study(name, seed, [float(10.0**task * (rng.normal() + (lead if name == "random" else 0.0)))], task=f"t{task}")
        for task in range(n_tasks)
        for name in ("random", "tpe")
        for seed in range(n_seeds)
    ]
    return Experiment("e", "loss", "minimize", "trials", 1, 0.0, tuple(studies))


def compared(of: Experiment) -> list[Within]:
    return within_tasks(of, Analysis(of, n_resamples=20).looks[0].endpoint)


def test_many_seeds_on_few_tasks_are_a_claim_for_these_tasks() -> None:
    of = made(lead=3.0)
    (found,) = compared(of)
    assert (found.n, found.n_tasks, found.better) == (24, 3, "tpe")
    section = build_verdict(Analysis(of, n_resamples=20))
    verdict = next(block for block in section.blocks if isinstance(block, Verdict))
    assert "underpowered" in verdict.headline
    assert [claim.kind for claim in verdict.claims] == ["underpowered", "better"]
    assert verdict.claims[1].text.startswith("On these 3 tasks alone, tpe better than random: random ahead in ")
    assert verdict.claims[1].text.endswith("nothing is claimed of other tasks.")
    assert section.numbers["within_tasks"][0]["better"] == "tpe"  # type: ignore[index]


def test_without_a_difference_none_is_claimed() -> None:
    (found,) = compared(of := made(lead=0.0))
    assert found.better is None
    verdict = build_verdict(Analysis(of, n_resamples=20)).blocks[0]
    assert isinstance(verdict, Verdict)
    assert "On these 3 tasks alone, random and tpe not distinguishable: " in verdict.claims[1].text


@pytest.mark.parametrize(("n_tasks", "n_seeds"), [(1, 30), (6, 8), (2, 2)])
def test_one_task_enough_tasks_or_few_studies_have_no_such_claim(n_tasks: int, n_seeds: int) -> None:
    assert compared(made(n_tasks=n_tasks, n_seeds=n_seeds)) == []


def test_the_metric_itself_stands_beside_what_is_scaled_over_tasks() -> None:
    of = made()
    values = [[s.trials[0].value or 0.0 for s in of.of(task=task, strategy="tpe")] for task in of.tasks]
    (_, tpe) = Analysis(of, n_resamples=20).summaries
    assert tpe.of_metric == pytest.approx(float(np.mean(np.mean(values, axis=1))))
    numbers = build_statistics(Analysis(of, n_resamples=20)).numbers["strategies"]
    assert numbers["tpe"]["mean_of_metric"] == tpe.of_metric  # type: ignore[index]
    one = build_statistics(Analysis(made(n_tasks=1), n_resamples=20)).numbers["strategies"]
    assert "mean_of_metric" not in one["tpe"]  # type: ignore[index]


def test_the_order_and_the_units_of_tasks_do_not_matter() -> None:
    of = made()
    scaled = tuple(
        replace(s, trials=tuple(replace(t, value=1000 * (t.value or 0.0)) for t in s.trials)) for s in of.studies[::-1]
    )
    (found,), (again,) = compared(of), compared(replace(of, studies=scaled))
    assert found.p == pytest.approx(again.p)
    assert (found.first, found.lean) == (again.second, -again.lean)
