"""Class folders with and without published parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.folder import files_signature, find_files, read_files
from hpo.texts import Texts

from sources import class_folders, folder, write_folder


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


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    found = read(write_folder(tmp_path / "t", class_folders(2, classes=("train", "plane"))))
    assert found.given is None
    assert found.classes == ["plane", "train"]


def test_the_signature_changes_with_the_files(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "t", class_folders(2))
    before = files_signature(find_files(folder(root)))
    assert files_signature(find_files(folder(root))) == before
    (root / "pos" / "2.txt").write_text("other")
    assert files_signature(find_files(folder(root))) != before


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.txt": "x"}, r"^data\.path=.* holds no folders; expected one folder of text files per class"),
        ({"train/a/x": "x", "val/a/x": "x"}, r"has a folder 'val' beside its train folder; allowed there are"),
        ({"train/a/x": "x", "test/x": "x"}, r"test \(below data\.path=.*\) holds no folders; expected one per class"),
        ({"a/x": "x", "b/.x": "x"}, r"b \(below data\.path=.*\) holds no files; fill the class's folder"),
        ({"a/x": "x", "b/x": "bad"}, r"^b/x \(below data\.path\) is not ascii throughout: line 1 has byte 0xc3"),
    ],
)
def test_refusals(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    root = write_folder(tmp_path / "t", {place: text.replace("bad", "é") for place, text in files.items()})
    with pytest.raises(ValueError, match=sentence):
        read(root, encoding="ascii")


def test_paths_that_are_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^data\.path=.*none does not exist"):
        read(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no folders"):
        read(tmp_path / "empty")
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(ValueError, match="is a file; give a folder, or use data=table"):
        read(tmp_path / "a.csv")
