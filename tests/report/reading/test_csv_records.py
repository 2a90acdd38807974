"""Experiments from CSV files of trials, and as such files."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.records import Experiment, Trial
from hpo.report.reading.csv_records import read_records, write_records
from hpo.report.reading.terms import Terms
from hpo.report.sections.learned import build_learned
from tests.support.search_experiments import several

HEADER = "experiment,task,strategy,seed,trial,value,state,epochs,seconds"


def file(folder: Path, *rows: str, columns: str = "", name: str = "trials.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEADER + columns, *rows]) + "\n")
    return path


def rows(strategy: str, *values: float | str, seed: int = 0, task: str = "t", more: str = "") -> list[str]:
    return [f"e,{task},{strategy},{seed},{n},{value},ok,1,10{more}" for n, value in enumerate(values)]


def test_rows_become_studies_in_the_order_of_the_file(tmp_path: Path) -> None:
    given = rows("tpe", 3, 2, seed=1) + rows("random", 5, 6) + rows("tpe", 4, 1) + rows("random", 7, 8, task="u")
    experiment = read_records([file(tmp_path, *given)])
    assert [(study.task, study.strategy, study.seed) for study in experiment.studies] == [
        ("t", "tpe", 0),
        ("t", "tpe", 1),
        ("t", "random", 0),
        ("u", "random", 0),
    ]
    assert [trial.value for trial in experiment.studies[0].trials] == [4, 1]
    assert len({study.name for study in experiment.studies}) == 4


def test_several_files_are_one_table(tmp_path: Path) -> None:
    paths = [
        file(tmp_path, *rows("tpe", 1), name="a.csv"),
        file(tmp_path, *rows("random", 2, more=",.5"), columns=",test", name="b.csv"),
    ]
    experiment = read_records(paths)
    assert experiment.strategies == ("tpe", "random")
    assert [study.trials[0].test for study in experiment.studies] == [None, 0.5]
    assert experiment.facts["source"] == "CSV: a.csv, b.csv"


def test_a_file_given_twice_is_not_counted_twice(tmp_path: Path) -> None:
    path = file(tmp_path, *rows("tpe", 1, 2))
    with pytest.raises(ValueError, match=r"line 2 and .* line 2 are both trial 0"):
        read_records([path, path])


def test_a_row_without_an_experiment_is_refused(tmp_path: Path) -> None:
    path = file(tmp_path, *rows("tpe", 1), ",t,tpe,0,1,2,ok,1,10")
    for name in (None, "e"):
        with pytest.raises(ValueError, match="line 3: experiment is empty"):
            read_records([path], name=name)


def test_without_a_word_on_it_lower_values_are_better_and_the_report_says_so(tmp_path: Path) -> None:
    path = file(tmp_path, *rows("tpe", 1))
    experiment = read_records([path])
    assert (experiment.direction, experiment.metric, experiment.rope) == ("minimize", "value", 0.0)
    assert any("report.direction=maximize" in note for note in experiment.notes)
    given = read_records([path], terms=Terms(direction="maximize"))
    assert given.direction == "maximize"
    assert not any("direction" in note for note in given.notes)


def test_columns_name_metric_and_direction(tmp_path: Path) -> None:
    path = file(tmp_path, *rows("tpe", 1, more=",accuracy,Maximise"), columns=",metric,direction")
    experiment = read_records([path])
    assert (experiment.metric, experiment.direction, experiment.rope) == ("accuracy", "maximize", 0.005)
    turned = read_records([path], terms=Terms(direction="minimize"))
    assert "The records say maximize; minimize was given by hand." in turned.notes


def test_trials_end_in_the_order_of_their_numbers_or_of_the_clock(tmp_path: Path) -> None:
    backwards = list(reversed(rows("tpe", 1, 2, 3)))
    by_number = read_records([file(tmp_path, *backwards)]).studies[0].trials
    assert [(trial.number, trial.ended_s) for trial in by_number] == [(0, 10), (1, 20), (2, 30)]
    clocked = [f"{row},{ended}" for row, ended in zip(rows("tpe", 1, 2, 3), (9, 4, 6), strict=True)]
    by_clock = read_records([file(tmp_path, *clocked, columns=",ended_s")]).studies[0].trials
    assert [(trial.number, trial.ended_s) for trial in by_clock] == [(1, 4), (2, 6), (0, 9)]


def test_a_clock_that_a_study_lacks_is_not_a_clock_at_0(tmp_path: Path) -> None:
    clocked = file(tmp_path, *rows("tpe", 1, more=",4"), columns=",ended_s", name="a.csv")
    gaps = file(tmp_path, *rows("grid", 3, more=","), "e,t,grid,0,1,2,ok,1,10,3", columns=",ended_s", name="b.csv")
    experiment = read_records([clocked, gaps, file(tmp_path, *rows("random", 3, 2), name="c.csv")])
    ends = {study.strategy: [trial.ended_s for trial in study.trials] for study in experiment.studies}
    assert ends == {"tpe": [4], "grid": [10, 20], "random": [10, 20]}
    assert any("ended_s is unknown for 3 of 5 finished trials" in note for note in experiment.notes)


def test_running_trials_are_shown_last_and_their_study_has_not_ended(tmp_path: Path) -> None:
    path = file(tmp_path, "e,t,tpe,0,0,,running,1,1", *[row.replace(",0,0,", ",0,1,") for row in rows("tpe", 5)])
    study = read_records([path]).studies[0]
    assert [trial.state for trial in study.trials] == ["COMPLETE", "RUNNING"]
    assert not study.is_ended


def test_values_that_are_not_finite_are_charged_as_failures_and_told(tmp_path: Path) -> None:
    experiment = read_records([file(tmp_path, *rows("tpe", 1, "nan", "inf"), *rows("random", 1, 2, 3))])
    assert [trial.state for trial in experiment.studies[0].trials] == ["COMPLETE", "FAIL", "FAIL"]
    assert "tpe: 2 COMPLETE trials without a finite value (up to 1e+100) charged as failed." in experiment.deviations
    assert any("tpe: 2 of 3 trials failed (2 diverged)" in sentence for sentence in experiment.deviations)


def test_unknown_epochs_and_seconds_are_told(tmp_path: Path) -> None:
    experiment = read_records([file(tmp_path, "e,t,tpe,0,0,1,ok,,", *rows("random", 2))])
    assert "epochs is unknown in 1 of 2 rows; each was charged one epoch." in experiment.notes
    assert "seconds is unknown in 1 of 2 rows; each was charged none." in experiment.notes


def test_rows_without_any_epochs_are_charged_one_each(tmp_path: Path) -> None:
    experiment = read_records([file(tmp_path, "e,t,tpe,0,0,1,ok,0,5", "e,t,tpe,0,1,1,failed,0,5")])
    assert [trial.epochs for trial in experiment.studies[0].trials] == [1, 1]
    assert "epochs is 0 in every row; each was charged one epoch." in experiment.notes
    some = read_records([file(tmp_path, "e,t,tpe,0,0,1,ok,3,5", "e,t,tpe,0,1,1,failed,0,5")])
    assert [trial.epochs for trial in some.studies[0].trials] == [3, 0]


def test_the_budget_is_the_smallest_in_epochs_when_trials_differ_in_them(tmp_path: Path) -> None:
    path = file(tmp_path, "e,t,tpe,0,0,1,ok,5,1", "e,t,tpe,0,1,1,ok,9,1", "e,t,random,0,0,1,ok,8,1")
    experiment = read_records([path])
    assert (experiment.unit, experiment.budget) == ("epochs", 8)
    assert any("spent 8 to 14 epochs" in sentence for sentence in experiment.deviations)
    by_hand = read_records([path], terms=Terms(unit="trials", budget=2))
    assert (by_hand.unit, by_hand.budget) == ("trials", 2)


def test_params_have_columns_and_ranges(tmp_path: Path) -> None:
    given = [*rows("tpe", 1, more=",0.1,adam"), *rows("random", 2, more=",0.5,")]
    experiment = read_records([file(tmp_path, *given, columns=",param.lr,param.opt")])
    assert [dict(study.trials[0].params) for study in experiment.studies] == [{"lr": 0.1, "opt": "adam"}, {"lr": 0.5}]
    assert (experiment.spaces["t"]["lr"].low, experiment.spaces["t"]["lr"].high) == (0.1, 0.5)


def test_one_of_several_experiments_is_chosen(tmp_path: Path) -> None:
    path = file(tmp_path, *rows("tpe", 1), *[row.replace("e,", "f,", 1) for row in rows("tpe", 2)])
    assert read_records([path], name="f").studies[0].trials[0].value == 2
    with pytest.raises(ValueError, match="2 experiments; choose one: experiment=e or experiment=f"):
        read_records([path])
    with pytest.raises(ValueError, match="no experiment 'g' in the records; they have e, f"):
        read_records([path], name="g")


def test_what_contradicts_itself_is_refused(tmp_path: Path) -> None:
    mixed = [*rows("tpe", 1, more=",min"), *rows("random", 1, more=",maximize")]
    with pytest.raises(ValueError, match=r"line 2 says minimize and .*line 3 says maximize"):
        read_records([file(tmp_path, *mixed, columns=",direction")])
    with pytest.raises(ValueError, match="line 2: direction 'up' is neither minimize nor maximize"):
        read_records([file(tmp_path, *rows("tpe", 1, more=",up"), columns=",direction")])
    two = [*rows("tpe", 1, more=",accuracy"), *rows("random", 1, more=",loss")]
    with pytest.raises(ValueError, match="An experiment has one metric"):
        read_records([file(tmp_path, *two, columns=",metric")])
    with pytest.raises(ValueError, match="no finished trial yet: 1 studies, 1 trials"):
        read_records([file(tmp_path, "e,t,tpe,0,0,,running,1,1")])
    with pytest.raises(ValueError, match="names no file"):
        read_records([])


@pytest.mark.parametrize("digits", [20, 400])
def test_a_report_is_made_of_params_with_large_whole_numbers(tmp_path: Path, digits: int) -> None:
    large = np.random.default_rng(0).integers(10**18, 2**62, size=24)
    seeded = [f"e,t,tpe,0,{number},{number % 7},ok,1,10,{'9' * (digits - 19)}{one}" for number, one in enumerate(large)]
    experiment = read_records([file(tmp_path, *seeded, columns=",param.seed")])
    assert build_learned(Analysis(experiment, seed=0)) is not None
    assert experiment.studies[0].trials[0].params["seed"] == seeded[0].rpartition(",")[2]


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


def test_epochs_and_seconds_may_be_absent_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "bare.csv"
    path.write_text("experiment,task,strategy,seed,trial,value,state\ne,t,a,0,0,0.5,ok\ne,t,a,0,1,0.4,ok\n")
    experiment = read_records([path])
    assert [(t.epochs, t.seconds) for t in experiment.studies[0].trials] == [(1, 0), (1, 0)]
    assert experiment.unit == "trials"
    assert "epochs is unknown in 2 of 2 rows; each was charged one epoch." in experiment.notes
    assert "seconds is unknown in 2 of 2 rows; each was charged none." in experiment.notes
