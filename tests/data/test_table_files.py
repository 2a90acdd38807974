"""What `data.path` stands for: files, patterns, folders and parts, whatever the order they are typed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from hpo.data.corpus import prepare
from hpo.data.table import read_table
from hpo.data.table_files import find_table_files, holds_tables
from tests.support.data_sources import table, write_folder

ROWS = "text,label\ngood {0},up\nbad {0},down\n"


def found(given: object, folder: Path) -> list[tuple[str, str | None]]:
    return [(os.path.relpath(file.path, folder), file.part) for file in find_table_files(given)]


def files(folder: Path, *names: str) -> Path:
    return write_folder(folder, {name: ROWS.format(name) for name in names})


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train.csv", "test.csv"], ["train.csv train", "test.csv test"]),
        (["train.csv", "dev.csv", "test.csv", "README.md"], ["train.csv train", "dev.csv valid", "test.csv test"]),
        (["imdb_train.csv", "imdb_validation.csv"], ["imdb_train.csv train", "imdb_validation.csv valid"]),
        (
            ["data/train-00001-of-00002.csv", "data/train-00000-of-00002.csv", "data/test-00000-of-00001.csv"],
            [
                "data/train-00000-of-00002.csv train",
                "data/train-00001-of-00002.csv train",
                "data/test-00000-of-00001.csv test",
            ],
        ),
        (["train/a.csv", "train/b.csv", "test/a.csv"], ["train/a.csv train", "train/b.csv train", "test/a.csv test"]),
        (["train.csv", "test.csv", "unsup.csv"], ["train.csv train", "test.csv test", "unsup.csv unlabelled"]),
        (["train.txt", "test.txt", "readme.txt"], ["train.txt train", "test.txt test"]),
        (["Train.CSV.gz", "Test.CSV.gz"], ["Train.CSV.gz train", "Test.CSV.gz test"]),
        (["train.jsonl", "val.jsonl", "dataset_infos.json"], ["train.jsonl train", "val.jsonl valid"]),
        (["b.csv", "a.csv"], ["a.csv None", "b.csv None"]),
        (["train.csv"], ["train.csv None"]),
        (["only.csv", ".hidden.csv"], ["only.csv None"]),
    ],
)
def test_a_folder_of_tables(tmp_path: Path, names: list[str], expected: list[str]) -> None:
    root = files(tmp_path / "train", *names)  # a folder's own name says nothing of its files
    assert [f"{place} {part}" for place, part in found(str(root), root)] == expected


@pytest.mark.parametrize(
    ("names", "given", "sentence"),
    [
        (["train.csv", "test.csv", "other.csv"], "", r"other\.csv is beside train\.csv, and of which part it is"),
        (
            ["train.csv", "train.parquet", "test.csv"],
            "",
            r"has train\.csv and train\.parquet, which look like",
        ),
        (["train_test.csv", "train.csv"], "", r"has train_test\.csv, whose name tells two parts \(test and train\)"),
        (["a.md"], "", r"is a folder without tables \(\.csv, .*; give a file, or use data=folder"),
        (["a.csv"], "*.tsv", r"/\*\.tsv fits no file; give a pattern that does"),
        (["a.csv"], "b.csv", r"/b\.csv does not exist; give a file: \.csv, \.tsv"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path: Path, names: list[str], given: str, sentence: str) -> None:
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        find_table_files(str(files(tmp_path, *names) / given))


def test_lists_and_patterns_are_the_same_in_any_order(tmp_path: Path) -> None:
    files(tmp_path, "a.csv", "b.csv", "c[1].csv")
    a, b = str(tmp_path / "a.csv"), str(tmp_path / "b.csv")
    expected = [("a.csv", None), ("b.csv", None)]
    for given in ([a, b], [b, a], [b, a, a], str(tmp_path / "[ab].csv"), [str(tmp_path / "b*"), str(tmp_path / "a*")]):
        assert found(given, tmp_path) == expected
    assert found(str(tmp_path / "c[1].csv"), tmp_path) == [("c[1].csv", None)]


def test_parts_are_named(tmp_path: Path) -> None:
    files(tmp_path, "a.csv", "b.csv", "c.csv", "d.csv")
    a, b, c, d = (str(tmp_path / f"{name}.csv") for name in "abcd")
    given: Mapping[str, object] = {"test": b, "train": [c, a], "Dev": d}
    expected = [("a.csv", "train"), ("c.csv", "train"), ("d.csv", "valid"), ("b.csv", "test")]
    assert found(given, tmp_path) == expected
    for wrong, sentence in (
        ({"train": a, "holdout": b}, r"^data\.path has the part 'holdout'; allowed are train, valid, test and"),
        ({"test": a}, r"^data\.path has no part train"),
        ({"train": a, "dev": b, "valid": c}, r"^data\.path has the part valid twice"),
        ({"train": a, "test": a}, r"is given for both train and test"),
        ({"train": None}, r"^data\.path is empty"),
        ([], r"^data\.path is empty"),
    ):
        with pytest.raises(ValueError, match=sentence):
            find_table_files(wrong)


def test_texts_of_several_files_have_their_parts_and_places(tmp_path: Path) -> None:
    root = files(tmp_path, "train.csv", "test.csv")
    (root / "test.csv").write_text("label;text\nup;fine\n")
    read = read_table(table(root))
    assert read.given == ["train", "train", "test"]
    assert read.texts == ["good train.csv", "bad train.csv", "fine"]
    assert read.places == ["line 2 of train.csv", "line 3 of train.csv", "line 2 of test.csv"]
    (root / "test.csv").write_text("text,mood\nfine,up\n")
    with pytest.raises(ValueError, match=r"^data\.label_column=label must be exactly one column of .*test\.csv"):
        read_table(table(root))
    with pytest.raises(ValueError, match=r"^data\.split_column=part and the names of files both say parts"):
        read_table(table(root, split_column="part"))


def test_a_file_without_labels_is_read_as_unlabelled(tmp_path: Path) -> None:
    root = files(tmp_path, "train.csv", "test.csv")
    (root / "unsup.csv").write_text("text\nwho knows\n")
    config = table(root)
    assert len(read_table(config)) == 4
    source = config.open_unlabelled()
    assert source is not None
    assert source.read(lambda *_: None).texts == ["who knows"]
    (root / "unsup.csv").unlink()
    assert config.open_unlabelled() is None


def test_equal_texts_are_one_corpus_whatever_their_shape_and_a_changed_file_is_another(tmp_path: Path) -> None:
    rows = [(f"good film {i}", "up") if i % 2 else (f"bad film {i}", "down") for i in range(40)]
    for name, sign in (("a.csv", ","), ("b.csv", ";"), ("c.tsv", "\t")):
        content = "".join(f"{text}{sign}{label}\n" for text, label in [("text", "label"), *rows])
        (tmp_path / name).write_text(content)
    prepared = {prepare(table(tmp_path / name)) for name in ("a.csv", "b.csv", "c.tsv")}
    assert len(prepared) == 1
    before = replace(table(tmp_path / "a.csv"), path=[str(tmp_path / "a.csv")])
    assert prepare(before) in prepared
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text().replace("film 7", "movie 7"))
    assert prepare(before) not in prepared


def test_a_folder_of_classes_holds_no_tables(tmp_path: Path) -> None:
    assert holds_tables(files(tmp_path / "a", "train.csv", "test.csv"))
    assert holds_tables(files(tmp_path / "b", "data/train-00000-of-00001.csv"))
    assert holds_tables(files(tmp_path / "c", "train.txt", "test.txt"))
    assert not holds_tables(files(tmp_path / "d", "pos/1.txt", "neg/1.txt"))
    assert not holds_tables(files(tmp_path / "e", "rt.pos", "rt.neg"))
