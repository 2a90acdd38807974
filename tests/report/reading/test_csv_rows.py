"""CSV files of trials as rows of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.report.reading.csv_rows import read_rows

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
    assert [dict(row.texts) for row in rows] == [dict(zip(HEADER.split(","), ROW.split(","), strict=True))]


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
