"""Comparisons and reports from Python."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import hpo
from tests.support import functions


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> hpo.Comparison:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("comparison"))
        return hpo.compare(
            "tracking=none",
            f"storage.path={Path.cwd() / 'hpo.db'}",
            f"reports={Path.cwd() / 'reports'}",
            train=functions.steps,
            test=functions.test,
            space={"lr": hpo.Float(1e-3, 1.0, log=True)},
            samplers=["random", "tpe"],
            seeds=5,
            metric="auc",
            direction="maximize",
            n_trials=3,
            name="steps",
            verbose=False,
        )


def test_a_comparison_of_a_function_has_a_verdict_and_a_report(comparison: hpo.Comparison) -> None:
    assert comparison.verdict
    assert comparison.path.is_file()
    assert len(comparison.study_names) == 10
    assert comparison.numbers["strategies"] == ["random", "tpe"]
    assert comparison.verdict in comparison._repr_html_().replace("&#x27;", "'")
    assert len(comparison.study(comparison.study_names[0]).trials) == 3


def test_a_report_on_a_table_in_memory_says_the_same(
    comparison: hpo.Comparison, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(workdir))
    records = pd.read_csv(comparison.folder / "records.csv")
    report = hpo.report("tracking=none", records=records, folder=str(workdir / "again"))
    assert report.folder == workdir / "again" / "steps"
    assert report.numbers["strategies"] == ["random", "tpe"]
    assert "steps" in repr(report)


def test_mistakes_are_the_sentences_of_the_command_line(workdir: Path) -> None:
    with pytest.raises(hpo.Refused, match="names one twice"):
        hpo.compare("trainer=synthetic", "tracking=none", samplers=["tpe", "tpe"], verbose=False)
    with pytest.raises(hpo.Refused, match="records"):
        hpo.report("tracking=none", records=str(workdir / "no.csv"))
    with pytest.raises(hpo.Refused, match="There is no model in"):
        hpo.load_model("nowhere")
