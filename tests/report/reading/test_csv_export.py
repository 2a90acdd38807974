"""Experiments written as CSV and read back."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from hpo.report.analysis.records import Experiment, Trial
from hpo.report.reading.csv import read_records
from hpo.report.reading.csv_export import write_records
from tests.support.search_experiments import several


def trials(experiment: Experiment) -> list[tuple[str, str, int, Trial]]:
    """Returns what a CSV file keeps of an experiment: everything but curves and whether a trial was cached."""
    return [
        (study.task, study.strategy, study.seed, replace(trial, curve=(), params=dict(trial.params), is_cached=False))
        for study in experiment.studies
        for trial in study.trials
    ]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    made = several(tasks=("docs", "reviews"), direction="maximize")
    first = made.studies[0]
    odd = (
        replace(first.trials[0], state="FAIL", value=None, reason="oom", params={}),
        replace(first.trials[1], test=0.1 + 0.2, value=1e-17),
        replace(first.trials[2], state="RUNNING", value=None, ended_s=None),
        replace(first.trials[3], state="PRUNED", continued=0.1 + 0.7),
        replace(first.trials[4], state="PRUNED", continued=math.inf),
    )
    studies = (replace(first, trials=(*first.trials[5:], *odd)), *made.studies[1:])
    ordered = [replace(s, trials=_by_clock(s.trials)) for s in studies]
    written = replace(made, studies=tuple(ordered))
    write_records(written, tmp_path / "new" / "records.csv")
    read = read_records([tmp_path / "new" / "records.csv"])
    assert trials(read) == trials(written)
    assert (read.name, read.metric, read.direction) == (made.name, made.metric, made.direction)
    write_records(read, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "new" / "records.csv").read_bytes()


def test_hostile_names_come_back_as_they_were(tmp_path: Path) -> None:
    made = several(n_seeds=1, tasks=("docs",))
    names = ["=cmd()", "a,b", 'say "hi"', "NA"]
    studies = [
        replace(study, strategy=name, trials=tuple(replace(t, params={"x": name}) for t in study.trials))
        for study, name in zip(made.studies, names, strict=True)
    ]
    write_records(replace(made, name="@me", studies=tuple(studies)), tmp_path / "r.csv")
    text = (tmp_path / "r.csv").read_text()
    assert "'=cmd()" in text
    assert ",=cmd()" not in text
    read = read_records([tmp_path / "r.csv"])
    assert (read.name, list(read.strategies)) == ("@me", names)
    assert [study.trials[0].params["x"] for study in read.studies] == names


def _by_clock(given: tuple[Trial, ...]) -> tuple[Trial, ...]:
    return tuple(sorted(given, key=lambda t: (t.ended_s is None, t.ended_s or 0.0)))
