"""A search by a metric of one class, from its corpus to its test."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.contracts.records import COMPLETE
from hpo.terminal.summary import baseline_sentence
from tests.support.data_sources import reviews, write_tsv
from tests.support.studies import TINY, run_study


def test_a_study_by_the_f1_of_a_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [row for row in reviews(40) if row[0] == "neg" or int(row[1].split()[1]) < 12]
    path = write_tsv(tmp_path / "t.tsv", rows)
    settings = ("data=table", f"data.path={path}", f"data.cache={tmp_path / 'cache'}", "data.tokenizer=words")
    shares = ("data.min_freq=1", "data.valid=0.2", "data.test=0.2", "train.class_weights=balanced", "tracking=none")
    tiny = [word for word in TINY if not word.startswith("data.")]
    report = run_study(*tiny, *settings, *shares, "study.metric=f1", "study.positive=pos")
    assert (report.study.metric, report.study.direction) == ("f1", "maximize")
    for trial in report.trials:
        assert trial.state == COMPLETE
        assert [0 <= epoch.metrics["f1"] <= 1 for epoch in trial.epochs] == [True] * 4
        assert trial.value == trial.epochs[-1].metrics["f1"]
    assert {"test_f1", "test_roc_auc", "test_mcc"} <= set(report.study.test)
    assert {"test_baseline_f1", "test_baseline_roc_auc", "test_baseline_mcc"} <= set(report.study.test)
    assert "has f1 " in (baseline_sentence(report.study, report.trials[0]) or "")
