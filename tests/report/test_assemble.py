"""The report as a whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.report.analysis.records import Experiment
from hpo.report.assemble import build_report, headlines, make_report, show_report
from hpo.report.document.content import Report
from hpo.report.document.json import report_json
from hpo.report.reading.csv_records import read_records
from hpo.tracking.tracker import MlflowConfig, NoTrackingConfig
from tests.support.noise_experiments import experiment, normal
from tests.support.search_experiments import make_experiment, make_study, several

SECTIONS = [
    "verdict",
    "design",
    "fairness",
    "performance",
    "anytime",
    "regret",
    "targets",
    "statistics",
    "pruning",
    "learned",
    "cost",
    "noise",
    "threats",
    "reproduce",
]


def keys(report: Report) -> list[str]:
    return [section.key for section in report.sections]


def built(of: Experiment) -> Report:
    return build_report(of, n_resamples=50)


def test_sections_come_in_their_order() -> None:
    report = built(several(tasks=("docs",)))
    assert keys(report) == SECTIONS
    assert report.strategies == ("random", "random+asha", "tpe", "tpe+asha")
    assert report.subtitle == "4 strategies × 4 seeds × 1 task, 1000 trials each; valid_loss, lower is better"


def test_the_numbers_are_the_same_each_time_and_on_another_clock() -> None:
    of = several(tasks=("docs",))
    assert report_json(built(of)) == report_json(built(of))
    elsewhere = [
        replace(
            study,
            facts={**study.facts, "host": "elsewhere"},
            trials=tuple(replace(t, seconds=2 * t.seconds, is_cached=True) for t in study.trials),
        )
        for study in of.studies
    ]
    first, second = (json.loads(report_json(built(each))) for each in (of, replace(of, studies=tuple(elsewhere))))
    assert first.pop("clock") != second.pop("clock")
    assert first == second


def test_what_little_there_is_is_reported() -> None:
    one = make_experiment([make_study("tpe", 0, n_trials=1, task="docs")])
    assert set(keys(built(one))) <= set(SECTIONS)
    bare = experiment({"a": normal(), "b": normal()}, rng=np.random.default_rng(0), n_seeds=1, n_trials=2)
    assert "learned" not in keys(built(bare))
    failed = [
        replace(study, trials=tuple(replace(t, state="FAIL", value=None, reason="oom") for t in study.trials))
        for study in bare.studies
    ]
    report = built(replace(bare, studies=tuple(failed)))
    assert {"verdict", "design", "fairness", "threats", "reproduce"} <= set(keys(report))


def test_a_report_is_written_with_its_records(tmp_path: Path) -> None:
    of = several(tasks=("docs",), n_seeds=2)
    folder = tmp_path / "reports" / "made"
    report = make_report(of, folder, n_resamples=50)
    assert {"report.html", "report.json", "summary.md", "records.csv"} <= {path.name for path in folder.iterdir()}
    assert read_records([folder / "records.csv"]).strategies == of.strategies
    lines = headlines(report, folder)
    assert lines[0].startswith("No winner")
    assert len(lines) == 1 + 6 + 1
    assert lines[-1] == f"Report: {folder}/report.html"
    assert show_report(report, folder, experiment="made", tracking=NoTrackingConfig()) == ""


def test_names_cannot_command_the_terminal(tmp_path: Path) -> None:
    of = experiment({"\x1b[31mred": normal(), "a\nb": normal()}, rng=np.random.default_rng(0), n_seeds=2, n_trials=2)
    lines = headlines(built(of), tmp_path)
    assert "".join(lines).isprintable()
    assert "[31mred and a b underpowered" in lines[1]


@pytest.mark.slow
def test_mlflow_out_of_reach_is_told_and_no_reason_to_fail(tmp_path: Path) -> None:
    report = make_report(several(tasks=("docs",), n_seeds=2), tmp_path, n_resamples=50)
    away = MlflowConfig(uri="http://127.0.0.1:9", flush_timeout_s=1.0)
    problem = show_report(report, tmp_path, experiment="made", tracking=away)
    assert "MLflow at http://127.0.0.1:9 does not take the report" in problem
    assert len(problem.splitlines()) == 1
