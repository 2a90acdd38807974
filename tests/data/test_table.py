"""Columns of CSV, TSV and Parquet files, and a sentence for whatever is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from hpo.data.table import read_table
from tests.support.data_sources import SHARED, table

ROWS = {"text": ["good", "bad, really", 'so "so"'], "label": [1, 0, 1]}


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(ROWS)


def write(frame: pd.DataFrame, path: Path) -> Path:
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".tsv":
            frame.to_csv(path, index=False, sep="\t")
        case ".parquet":
            frame.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "CSV"])
def test_every_format_gives_the_same_texts(frame: pd.DataFrame, tmp_path: Path, suffix: str) -> None:
    path = write(frame, tmp_path / f"t.{suffix.lower()}").rename(tmp_path / f"u.{suffix}")
    found = read_table(table(path))
    assert (found.texts, [str(label) for label in found.labels], found.given) == (ROWS["text"], ["1", "0", "1"], None)
    assert found.places[0] == ("row 1" if suffix == "parquet" else "line 2")


@pytest.mark.parametrize(
    "labels", [[True, False, True], ["x", "y", "NA"], [1.5, 2.5, 1.5], pd.Categorical(list("aba"))]
)
def test_labels_of_any_type(frame: pd.DataFrame, tmp_path: Path, labels: list[object]) -> None:
    path = write(frame.assign(label=labels), tmp_path / "t.parquet")
    assert list(map(str, read_table(table(path)).labels)) == list(map(str, labels))
    assert read_table(table(write(frame.assign(label=labels), tmp_path / "t.csv"))).labels == list(map(str, labels))


def test_texts_that_look_like_missing_values_are_texts(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = write(frame.assign(text=["NA", "null", "None"]), tmp_path / "t.csv")
    assert read_table(table(path)).texts == ["NA", "null", "None"]


def test_columns_by_name_and_a_split_column(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame = frame.rename(columns={"text": "review", "label": "stars"}).assign(part=["train", "test", "valid"])
    config = table(write(frame, tmp_path / "t.csv"), text_column="review", label_column="stars", split_column="part")
    assert read_table(config).given == ["train", "test", "valid"]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize(
    ("change", "settings", "sentence"),
    [
        (
            {},
            {"text_column": "review"},
            r"^data\.text_column=review must be exactly one column .* columns 'text', 'label'; give another",
        ),
        (
            {},
            {"label_column": "y"},
            r"^data\.label_column=y must be exactly one column of data\.path=.*, 'label'; give another",
        ),
        ({}, {"split_column": "part"}, r"^data\.split_column=part must be exactly one column"),
        (
            {"part": ["train", "dev", "dev"]},
            {"split_column": "part"},
            r"^data\.split_column=part holds 'dev' in .*train, ",
        ),
    ],
)
def test_refusals(
    frame: pd.DataFrame, tmp_path: Path, suffix: str, change: dict, settings: dict[str, object], sentence: str
) -> None:
    path = write(frame.assign(**change), tmp_path / f"t.{suffix}")
    with pytest.raises(ValueError, match=sentence):
        read_table(table(path, **settings))


def test_columns_that_are_no_text_are_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = write(frame, tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"^data\.text_column=label holds 1 in row 1, which is no text"):
        read_table(table(path, text_column="label", label_column="text"))


@pytest.mark.parametrize("column", ["text", "label"])
def test_parquet_that_is_not_utf8_is_said_with_its_column_and_row(tmp_path: Path, column: str) -> None:
    raw = pa.array([b"fine", b"fine", b"caf\xe9"])
    wrong = pa.StringArray.from_buffers(len(raw), raw.buffers()[1], raw.buffers()[2])
    good = pa.array(["a", "b", "c"])
    parquet.write_table(pa.table({"text": good, "label": good} | {column: wrong}), tmp_path / "t.parquet")
    sentence = rf"t\.parquet is not UTF-8 throughout: data\.{column}_column={column} has byte 0xe9 in row 3; write the"
    with pytest.raises(ValueError, match=sentence):
        read_table(table(tmp_path / "t.parquet"))


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^data\.path=.*none\.csv does not exist; give a"):
        read_table(table(tmp_path / "none.csv"))
    with pytest.raises(ValueError, match=r"is a folder without tables .*; give a file, or use data=folder"):
        read_table(table(tmp_path))
    (tmp_path / "a.doc").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"ends in '\.doc'; allowed are \.csv, \.tsv, "):
        read_table(table(tmp_path / "a.doc"))
    (tmp_path / "a.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(ValueError, match="is no readable Parquet file"):
        read_table(table(tmp_path / "a.parquet"))
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(ValueError, match=r"data\.text_column=text must be .* which is empty"):
        read_table(table(tmp_path / "a.csv"))
    (tmp_path / "a.tsv").write_bytes(b"text\tlabel\tlabel\na\tb\tc\n")
    with pytest.raises(ValueError, match=r"^data\.label_column=label must be exactly one column"):
        read_table(table(tmp_path / "a.tsv"))


@pytest.mark.skipif(not (SHARED / "data" / "mr").is_dir(), reason="../shared/data/mr is not there")
def test_movie_reviews_in_windows_1252(tmp_path: Path) -> None:
    parts = ((SHARED / "data" / "mr" / f"rt-polarity.{label}").read_bytes().splitlines() for label in ("pos", "neg"))
    lines = [label + b"\t" + line for label, part in zip((b"pos", b"neg"), parts, strict=True) for line in part]
    path = tmp_path / "mr.tsv"
    path.write_bytes(b"label\ttext\n" + b"\n".join(lines) + b"\n")
    assert len(read_table(table(path, encoding="cp1252"))) == 10_662
    with pytest.raises(
        ValueError, match=r"mr\.tsv is not utf-8 throughout: line \d+ has byte 0x.*data.encoding=cp1252"
    ):
        read_table(table(path))


def test_the_label_column_cannot_be_the_text(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = write(frame, tmp_path / "t.csv")
    with pytest.raises(ValueError, match=r"data.text_column and data.label_column are both 'label'; name two columns"):
        read_table(table(path, text_column="label"))
