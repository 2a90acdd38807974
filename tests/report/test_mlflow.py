"""The report in a real MLflow: one run, updated in place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hpo.report.document.content import Report, Section, Verdict
from hpo.report.document.files import write_report
from hpo.report.mlflow import log_report
from hpo.tracking.client import open_client
from tests.support.mlflow_contents import new_db
from tests.support.sample_report import make_report, make_verdict

EXPERIMENT = "it's <b>an</b> experiment"


def small(headline: str = "tpe is best.", *, figure_section: str = "cost") -> Report:
    """Returns a report of few files: a verdict and one section with a figure."""
    whole = make_report()
    verdict: Verdict = replace(make_verdict(), headline=headline)
    section = next(section for section in whole.sections if section.key == figure_section)
    return replace(whole, sections=[Section("verdict", "Verdict", [verdict], {"n": 4, "p": float("nan")}), section])


def shown(uri: str) -> list[dict[str, object]]:
    client = open_client(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id])
    return [
        {
            "status": run.info.status,
            "tags": run.data.tags,
            "metrics": run.data.metrics,
            "files": {
                file.path
                for folder in (None, "figures", "tables")
                for file in client.list_artifacts(run.info.run_id, folder)
                if not file.is_dir
            },
        }
        for run in runs
    ]


def test_there_is_one_run_and_it_shows_the_newest_report(tmp_path: Path) -> None:
    uri, folder = new_db(tmp_path / "mlflow"), tmp_path / "report"
    for headline, section in (("First _headline_.", "cost"), ("Second headline.", "tasks")):
        report = small(headline, figure_section=section)
        write_report(report, folder)
        (folder / "records.csv").write_text("task,seed\n")
        (folder / "private.txt").write_text("somebody's own")
        log_report(folder, experiment=EXPERIMENT, uri=uri, report=report)
        log_report(folder, experiment=EXPERIMENT, uri=uri, report=report)
        [run] = shown(uri)
        assert f"figures/{section}.png" in run["files"]
    assert run["files"] == {
        *("report.html", "report.json", "summary.md", "records.csv", "tables/looks.csv"),
        *("figures/tasks.csv", "figures/tasks.png"),
    }
    assert run["status"] == "FINISHED"
    assert run["tags"]["hpo.verdict"] == "Second headline."
    assert run["tags"]["mlflow.note.content"].startswith("**Second headline.**\n\n- ")
    assert run["metrics"] == {
        "verdict.n_better": 2,
        "verdict.n_equivalent": 2,
        "verdict.n_undecided": 2,
        "verdict.n_underpowered": 0,
        "verdict.n": 4,
    }


def test_a_double_is_removed(tmp_path: Path) -> None:
    uri, folder, report = new_db(tmp_path / "mlflow"), tmp_path / "report", small()
    write_report(report, folder)
    log_report(folder, experiment=EXPERIMENT, uri=uri, report=report)
    client = open_client(uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    tags = {"hpo.role": "comparison", "hpo.experiment": EXPERIMENT}
    client.create_run(experiment.experiment_id, tags=tags)
    client.create_run(experiment.experiment_id, tags=tags | {"hpo.experiment": "another"})
    log_report(folder, experiment=EXPERIMENT, uri=uri, report=report)
    assert sorted(run["tags"]["hpo.experiment"] for run in shown(uri)) == ["another", EXPERIMENT]


def test_a_changed_number_is_the_one_shown(tmp_path: Path) -> None:
    uri, folder, report = new_db(tmp_path / "mlflow"), tmp_path / "report", small()
    write_report(report, folder)
    for number in (7.0, 3.0):
        changed = replace(report, sections=[replace(report.sections[0], numbers={"n": number}), *report.sections[1:]])
        log_report(folder, experiment=EXPERIMENT, uri=uri, report=changed)
    assert shown(uri)[0]["metrics"]["verdict.n"] == 3


def test_an_mlflow_that_is_away_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="does not take the report") as raised:
        log_report(tmp_path, experiment="x", uri="http://me:CANARY@127.0.0.1:9", report=small())
    assert "CANARY" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_uri_mlflow_cannot_write_to_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing MLflow can write to"):
        log_report(tmp_path, experiment="x", uri="./mlruns", report=small())
