"""Class folders with and without published parts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpo.data.folder import files_signature, find_files, read_files, unlabelled_files
from hpo.data.texts import Texts
from tests.support.data_sources import class_folders, folder, write_folder


def read(root: Path, **settings: object) -> Texts:
    config = folder(root, **settings)
    return read_files(find_files(config), config.encoding, on_file=lambda *_: None)


def test_class_folders(tmp_path: Path) -> None:
    root = write_folder(
        tmp_path / "t", {"pos/b": "B", "pos/deep/a.txt": "A", "neg/1.md": "N", "pos/.hidden": "", "README": ""}
    )
    found = read(root)
    assert (found.texts, found.labels, found.given) == (["N", "B", "A"], ["neg", "pos", "pos"], None)
    assert found.places == ["neg/1.md", "pos/b", "pos/deep/a.txt"]


def test_folders_of_published_parts(tmp_path: Path) -> None:
    files = {place: text for part in ("train", "valid", "test") for place, text in class_folders(2, f"{part}/").items()}
    found = read(write_folder(tmp_path / "t", files))
    assert sorted(set(zip(found.given or [], found.labels, strict=True))) == [
        (part, label) for part in ("test", "train", "valid") for label in ("neg", "pos")
    ]


def test_a_class_whose_name_is_not_utf8_is_refused_and_its_files_may_be_called_anything(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "t", class_folders(2))
    (root / os.fsdecode(b"neg/caf\xe9.txt")).write_text("x")
    assert read(root).classes == ["neg", "pos"]
    (root / "pos").rename(root / os.fsdecode(b"caf\xe9"))
    with pytest.raises(ValueError, match=r"has a class folder 'caf\\xe9', whose name is not UTF-8; rename it"):
        read(root)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    found = read(write_folder(tmp_path / "t", class_folders(2, classes=("train", "plane"))))
    assert found.given is None
    assert found.classes == ["plane", "train"]


def test_parts_may_have_capitals(tmp_path: Path) -> None:
    files = {**class_folders(2, "Train/"), **class_folders(2, "TEST/"), "Unlabelled/1.txt": "?"}
    root = write_folder(tmp_path / "t", files)
    assert sorted(set(read(root).given or [])) == ["test", "train"]
    assert [file.place for file in unlabelled_files(folder(root))] == ["Unlabelled/1.txt"]
    write_folder(root, class_folders(2, "train/"))
    with pytest.raises(ValueError, match="has both Train and train, one part twice; join them"):
        read(root)


def test_an_empty_folder_says_that_a_part_has_no_text_of_a_class(tmp_path: Path) -> None:
    files = {**class_folders(2, "train/"), **class_folders(2, "test/", classes=["neg"]), "test/pos/.gitkeep": ""}
    root = write_folder(tmp_path / "t", files)
    found = read(root)
    assert sorted(set(zip(found.given or [], found.labels, strict=True))) == [
        ("test", "neg"),
        ("train", "neg"),
        ("train", "pos"),
    ]
    for path in (root / "test" / "neg").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"test \(below data\.path=.*\) holds no files; fill its class folders"):
        read(root)


LIKE_PARTS = r"^data\.path=.* holds the folders {}, which look like parts of the data, not like classes; name the parts"


@pytest.mark.parametrize(
    ("files", "shown"),
    [
        ({"20news-bydate-test/a/1": "x", "20news-bydate-train/a/1": "x"}, "20news-bydate-test, 20news-bydate-train"),
        ({"training/a/1": "x", "Testing/a/1": "x"}, "Testing, training"),
        ({"train/1": "x", "test/1": "x"}, "test, train"),
        ({"train/1": "x", "test/1": "x", "figures/1": "x"}, "test, train"),
        ({"dev_set/1": "x", "train_set/1": "x", "unsup/1": "x"}, "dev_set, train_set, unsup"),
    ],
)
def test_parts_are_not_read_as_classes(tmp_path: Path, files: dict[str, str], shown: str) -> None:
    with pytest.raises(ValueError, match=LIKE_PARTS.format(shown)):
        read(write_folder(tmp_path / "t", files))


@pytest.mark.parametrize("name", ["unsup", "Unlabelled", "unlabeled"])
@pytest.mark.parametrize("prefix", ["", "train/"])
def test_texts_without_labels_are_not_read_as_a_class(tmp_path: Path, name: str, prefix: str) -> None:
    root = write_folder(tmp_path / "t", {**class_folders(2, prefix), f"{prefix}{name}/1.txt": "?"})
    with pytest.raises(ValueError, match=f"has {prefix}{name}, which looks like texts without labels, not like a"):
        read(root)


@pytest.mark.parametrize("link", ["pos/9.txt", "pos/deep", "neutral"])
def test_a_link_that_leads_nowhere_is_no_missing_text(tmp_path: Path, link: str) -> None:
    root = write_folder(tmp_path / "t", class_folders(2))
    (root / "pos" / "more.txt").symlink_to(root / "neg" / "0.txt")
    assert len(read(root)) == 5
    (root / link).symlink_to("../.git/annex/objects/x")
    with pytest.raises(ValueError, match=rf"{link} \(below data\.path\) is a link to \.\./\.git/annex/objects/x,"):
        read(root)


def test_the_signature_changes_with_the_files(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "t", class_folders(2))
    before = files_signature(find_files(folder(root)))
    assert files_signature(find_files(folder(root))) == before
    (root / "pos" / "2.txt").write_text("other")
    assert files_signature(find_files(folder(root))) != before


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.txt": "x"}, r"^data\.path=.* holds no folders; expected one per class"),
        ({"train/a/x": "x", "val/a/x": "x"}, r"has a folder 'val' beside its train folder; allowed there are"),
        ({"train/a/x": "x", "test/x": "x"}, r"test \(below data\.path=.*\) holds no folders; expected one per class"),
        ({"train/a/x": "x", "train/b/x": "x", "test/a/x": "x"}, r"has train/b and no test/b; give the test part texts"),
        ({"train/a/x": "x", "train/b/.x": "x"}, r"train/b \(below data\.path=.*\) holds no files; fill the class's"),
        ({"a/x": "x", "b/.x": "x"}, r"b \(below data\.path=.*\) holds no files; fill the class's folder"),
        (
            {"a/1.txt": "x", "a/1.json": "x", "b/x": "x"},
            r"^a/1\.json \(below .*\) is beside a \.txt of that name; name",
        ),
        ({"a/x": "x", "b/x": "bad"}, r"^b/x \(below data\.path\) is not ascii throughout: line 1 has byte 0xc3"),
    ],
)
def test_refusals(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    root = write_folder(tmp_path / "t", {place: text.replace("bad", "é") for place, text in files.items()})
    with pytest.raises(ValueError, match=sentence):
        read(root, encoding="ascii")


def test_files_that_are_texts_may_be_named(tmp_path: Path) -> None:
    places = [f"{label}/{i}.{kind}" for label in "ab" for i in "12" for kind in ("txt", "json")]
    root = write_folder(tmp_path / "t", {place: f"{place[0]} {place[4:]}" for place in places})
    found = read_files(find_files(folder(root, files="*.txt")), "utf-8", on_file=lambda *_: None)
    assert (found.texts, found.labels) == (["a txt"] * 2 + ["b txt"] * 2, ["a", "a", "b", "b"])
    with pytest.raises(ValueError, match=r"holds no files like data\.files=\*\.md; fill the class's folder"):
        find_files(folder(root, files="*.md"))


def test_paths_that_are_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^data\.path=.*none does not exist"):
        read(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no folders"):
        read(tmp_path / "empty")
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(ValueError, match="is a file; give a folder, or use data=table"):
        read(tmp_path / "a.csv")


def test_a_file_of_lines_for_each_class(tmp_path: Path) -> None:
    write_folder(tmp_path, {"rt-polarity.neg": "dull\r\n\nlong\n", "rt-polarity.pos": "fine", "README.txt": "by me"})
    config = folder(tmp_path)
    read = config.open().read(lambda *_: None)
    assert list(zip(read.labels, read.texts, read.places, strict=True)) == [
        ("neg", "dull", "line 1 of rt-polarity.neg"),
        ("neg", "long", "line 3 of rt-polarity.neg"),
        ("pos", "fine", "line 1 of rt-polarity.pos"),
    ]
    before = config.open().signature
    (tmp_path / "rt-polarity.pos").write_text("fine\ngood")
    assert config.open().signature != before
    (tmp_path / "rt-polarity.pos").write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match=r"^rt-polarity\.pos \(in data\.path\) is not utf-8 throughout: line 1 has"):
        config.open().read(lambda *_: None)


@pytest.mark.parametrize("names", [("train.txt", "test.txt"), ("a.csv", "b.csv")])
def test_files_of_rows_are_no_classes(tmp_path: Path, names: tuple[str, str]) -> None:
    write_folder(tmp_path, dict.fromkeys(names, "x"))
    with pytest.raises(ValueError, match=r"no folder for each class; use data=table for files of rows\.$"):
        folder(tmp_path).open()
