"""CSV files of trials as rows of text, and the rows as trials."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hpo.report.reading.csv_trials import TrialRow, read_rows, read_trials

HEADER = "experiment,task,strategy,seed,trial,value,state,epochs,seconds"
ROW = "e,t,tpe,0,0,0.5,COMPLETE,1,2"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "trials.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_names_stay_text(tmp_path: Path) -> None:
    rows, unread = read_rows(
        written(tmp_path, f"{HEADER}\ne,007,1e3,0,0,0.5,COMPLETE,1,2\ne,t,NA,0,0,.5,COMPLETE,1,2\n")
    )
    assert [(row["task"], row["strategy"]) for row in rows] == [("007", "1e3"), ("t", "NA")]
    assert unread == []


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\n{ROW}\n",
        f"{HEADER}\r\n{ROW}\r\n",
        f"{HEADER}\n{ROW}".replace(",", ";"),
        f"{HEADER}\n{ROW}".replace(",", "\t"),
        f"{HEADER}\n\n{ROW}\n,,,,,,,,\n",
        f" {HEADER.upper().replace(',', ' , ')}\n{ROW.replace(',', ' , ')}\n",
        f"{HEADER}\n{ROW}\n".encode("utf-16"),
        ";".join(f'"{name}"' for name in HEADER.split(",")) + "\n" + ROW.replace(",", ";"),
    ],
)
def test_marks_separators_line_ends_and_blanks_are_tolerated(tmp_path: Path, text) -> None:
    rows, _ = read_rows(written(tmp_path, text))
    assert [{name: row[name] for name in row.columns} for row in rows] == [
        dict(zip(HEADER.split(","), ROW.split(","), strict=True))
    ]


def test_lines_are_counted_over_quoted_line_breaks(tmp_path: Path) -> None:
    broken = ROW.replace("tpe", '"two\nlines"')
    rows, _ = read_rows(written(tmp_path, f"{HEADER}\n{broken}\n{ROW}\n"))
    assert rows[0]["strategy"] == "two\nlines"
    assert rows[1].place.endswith("trials.csv line 4")


def test_an_apostrophe_that_disarms_a_formula_is_no_part_of_the_name(tmp_path: Path) -> None:
    rows, _ = read_rows(written(tmp_path, f"{HEADER}\n{ROW.replace('tpe', chr(39) + '=cmd()')}\n"))
    assert rows[0]["strategy"] == "=cmd()"


def test_columns_that_nothing_reads_are_told(tmp_path: Path) -> None:
    _, unread = read_rows(written(tmp_path, f"{HEADER},param.lr,colour\n{ROW},0.1,red\n"))
    assert unread == ["colour"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty; its first line names the columns experiment, task"),
        ("\n \n", "is empty"),
        (f"{HEADER}\n", "has a header and no rows"),
        (f"{HEADER.replace('strategy', 'stratgy')}\n{ROW}", r"no column strategy; it has .*should stratgy be strategy"),
        (f"{HEADER},seed\n{ROW},1", "has the column seed twice"),
        (f"{HEADER}\n{ROW},9", "10 fields in line 2 and 9 in its header"),
        (f'{HEADER}\n{ROW}\ne,"t,x\n', "is not well-formed from line 3"),
        (
            f"{HEADER}\n{ROW}\n".encode() + b"caf\xe9",
            r"is not utf-8 throughout: line 3 has byte 0xe9 .*; save it as UTF-8\.",
        ),
        (b"PK\x03\x04\x00\x00", "is no text file"),
    ],
)
def test_bad_files_are_refused_in_a_sentence(tmp_path: Path, text, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_rows(written(tmp_path, text))


@pytest.mark.parametrize("letter", "x,; ")
def test_a_first_line_without_end_is_refused_in_a_short_sentence(tmp_path: Path, letter: str) -> None:
    with pytest.raises(ValueError, match="has no column experiment, task") as caught:
        read_rows(written(tmp_path, f"{'x' * 140_000}{letter * 10}"))
    assert len(str(caught.value)) < 500


def test_a_long_field_in_the_first_line_does_not_hide_the_columns(tmp_path: Path) -> None:
    rows, unread = read_rows(written(tmp_path, f"{HEADER},{'x' * 140_000}\n{ROW},1\n".replace(",", ";")))
    assert (rows[0]["strategy"], len(unread)) == ("tpe", 1)


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere.csv does not exist"):
        read_rows(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match="is a folder"):
        read_rows(tmp_path)


TEXTS = {
    "task": "t",
    "strategy": "tpe",
    "seed": "3",
    "trial": "4",
    "value": "0.5",
    "state": "ok",
    "epochs": "2",
    "seconds": "7.5",
    "param.lr": "0.1",
}


def row(line: int = 2, **changes: str) -> TrialRow:
    texts = {**TEXTS, **changes}
    return TrialRow(list(texts.values()), {name: n for n, name in enumerate(texts)}, "records=a.csv", line)


def test_a_row_is_a_trial() -> None:
    read = read_trials([row(test="0.6")])[0]
    assert read.place == ("t", "tpe", 3)
    trial = read.trial
    assert (trial.number, trial.state, trial.value, trial.epochs, trial.seconds) == (4, "COMPLETE", 0.5, 2, 7.5)
    assert (trial.test, trial.ended_s, trial.reason, dict(trial.params)) == (0.6, None, None, {"lr": 0.1})


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "", "1.7976931348623157e308", "-1e101"])
def test_a_complete_trial_without_a_value_failed(value) -> None:
    read = read_trials([row(value=value)])[0]
    assert (read.trial.state, read.trial.value, read.is_imputed) == ("FAIL", None, True)
    assert read.trial.reason == ("diverged" if value else "no value")


def test_failed_trials_have_a_reason_and_no_value() -> None:
    reasons = [{"state": "failed"}, {"state": "oom"}, {"state": "error", "reason": "disk full"}]
    read = read_trials([row(trial=str(n), **given) for n, given in enumerate(reasons)])
    assert [each.trial.reason for each in read] == ["unknown", "oom", "disk full"]
    assert {each.trial.value for each in read} == {None}
    assert not any(each.is_imputed for each in read)


def test_what_was_not_measured_is_one_epoch_and_no_seconds() -> None:
    trial = read_trials([row(epochs="", seconds="NA", state="pruned", value="")])[0].trial
    assert (trial.epochs, trial.seconds, trial.value, trial.state) == (1.0, 0.0, None, "PRUNED")


@pytest.mark.parametrize(
    ("text", "continued"), [("0.25", 0.25), ("Diverged", math.inf), ("-inf", math.inf), ("", None), ("nan", None)]
)
def test_what_a_pruned_trial_would_have_come_to(text, continued) -> None:
    assert read_trials([row(state="pruned", continued=text)])[0].trial.continued == continued
    assert read_trials([row(state="ok", continued=text)])[0].trial.continued is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"value": "good"}, "line 2: value 'good' is not a number; write decimals with a point"),
        ({"state": "pruned", "continued": "bad"}, "line 2: continued 'bad' is not a number"),
        ({"value": "0,93"}, "line 2: value '0,93' is not a number"),
        ({"seed": "1.5"}, "line 2: seed '1.5' is not a whole number"),
        ({"seed": "-1"}, "line 2: seed -1 is negative"),
        ({"trial": ""}, "line 2: trial '' is not a whole number"),
        ({"epochs": "-2"}, "line 2: epochs -2 must be a finite number of at least 0"),
        ({"seconds": "inf"}, "line 2: seconds inf must be a finite number"),
        ({"state": "perhaps"}, "line 2: state 'perhaps' is unknown"),
        ({"strategy": ""}, "line 2: strategy is empty"),
    ],
)
def test_mistakes_are_told_with_their_line(changes, sentence) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_trials([row(**changes)])


def test_two_rows_for_one_trial_are_refused() -> None:
    with pytest.raises(ValueError, match=r"line 9 and records=a.csv line 2 are both trial 4 .* seed 3"):
        read_trials([row(), row(5, seed="4"), row(9)])


def test_exports_of_other_tuners_need_no_renaming(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    head = "experiment,task,Method,seed,trial_number,objective,status,config/lr,params_depth,error"
    path.write_text(f"{head}\ne,t,bohb,0,0,0.5,TrialStatus.COMPLETED,0.1,3,\ne,t,bohb,0,1,,FAILED,0.2,4,lost\n")
    rows, unread = read_rows(path)
    assert unread == []
    first, second = (each.trial for each in read_trials(rows))
    assert (first.state, first.value, first.epochs, first.seconds) == ("COMPLETE", 0.5, 1, 0)
    assert first.params == {"lr": 0.1, "depth": 3}
    assert (second.state, second.reason) == ("FAIL", "lost")


def test_of_two_columns_that_could_be_meant_none_is(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("experiment,task,method,optimizer,seed,trial,value,state\ne,t,a,b,0,0,1,ok\n")
    with pytest.raises(ValueError, match="has no column strategy; it has"):
        read_rows(path)
