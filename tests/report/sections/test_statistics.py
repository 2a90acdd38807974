"""The statistics section as a whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Report, Section, Table, Text
from hpo.report.document.json import report_json
from hpo.report.sections.statistics import build_statistics
from hpo.report.sections.verdict import build_verdict
from tests.support.noise_experiments import experiment, normal, study, trial


def made(**changes) -> Experiment:
    strategies = {"random": normal(), "tpe": normal(-2), "gp": normal(-1)}
    return experiment(strategies, **{"rng": np.random.default_rng(0), "n_seeds": 9, **changes})


def keys(section: Section) -> list[str]:
    return [key for block in section.blocks if (key := getattr(block, "key", None)) is not None]


def test_pairs_are_those_of_the_verdict_to_the_last_digit() -> None:
    claims = build_verdict(Analysis(made(), n_resamples=200)).numbers["looks"]["100 %"]["pairs"]  # type: ignore[index]
    pairs = build_statistics(Analysis(made(), n_resamples=200)).numbers["pairs"]
    for claim, pair in zip(claims, pairs, strict=True):  # type: ignore[arg-type]
        assert (claim["holm_p"], claim["low_in_loss"]) == (pair["holm_p"], pair["low"])


def test_friedman_has_seeds_as_blocks_on_one_task() -> None:
    of = made()
    found = build_statistics(Analysis(of, n_resamples=50)).numbers["friedman"]
    bests = [[min(t.value for t in s.trials) for s in of.of(strategy=name)] for name in of.strategies]
    assert found["p"] == pytest.approx(stats.friedmanchisquare(*bests).pvalue)  # type: ignore[index]
    assert found["chi2"] == pytest.approx(stats.friedmanchisquare(*bests).statistic)  # type: ignore[index]
    assert found["degrees_of_freedom"] == 2  # type: ignore[index]
    assert found["n"] == 9  # type: ignore[index]


def test_means_and_interquartile_means_of_every_strategy() -> None:
    of = made()
    found = build_statistics(Analysis(of, n_resamples=200)).numbers["strategies"]["tpe"]  # type: ignore[index]
    bests = [min(t.value for t in s.trials) for s in of.of(strategy="tpe")]
    assert found["mean"] == pytest.approx(np.mean(bests))
    assert found["IQM"] == pytest.approx(stats.trim_mean(bests, 0.25))
    assert found["IQM_low"] < found["IQM"] < found["IQM_high"]


def test_one_task_has_no_diagram_of_tasks_and_several_have() -> None:
    assert keys(build_statistics(Analysis(made(), n_resamples=50))) == [
        "statistics-strategies",
        "statistics-tests",
        "statistics-effects",
        "statistics-control",
    ]
    several = keys(build_statistics(Analysis(made(n_seeds=2, tasks=list("abcdefg")), n_resamples=50)))
    assert {"statistics-ranks", "statistics-profile"} < set(several)


@pytest.mark.parametrize(
    "of",
    [
        made(n_seeds=1),
        experiment({"a": normal()}, rng=np.random.default_rng(0)),
        experiment({}, rng=np.random.default_rng(0)),
        replace(made(), studies=tuple(replace(s, trials=(trial(0, None, state="FAIL"),)) for s in made().studies)),
        replace(made(), studies=tuple(replace(s, trials=(), is_ended=False) for s in made().studies)),
        replace(made(), studies=(study("a", 0, [1]), study("b", 1, [2]))),
    ],
)
def test_little_is_no_obstacle_and_leaves_no_nan(of: Experiment) -> None:
    section = build_statistics(Analysis(of, n_resamples=50))
    assert any(isinstance(block, Text | Table) for block in section.blocks)
    text = report_json(Report("t", "", of.strategies, [section]))
    assert "NaN" not in text
    assert "Infinity" not in text
