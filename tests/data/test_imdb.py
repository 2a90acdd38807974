"""Where IMDb is looked for; the real reviews where they are at hand."""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

import hpo.data.imdb as module
from hpo.commands.console import main
from hpo.data.corpus import open_corpus, prepare
from hpo.data.imdb import find_reviews, unlabelled_reviews
from hpo.machine.fastai_import import fastai_import
from tests.support.data_sources import SHARED, class_folders, imdb, write_folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for fastai's data."""
    monkeypatch.setenv("FASTAI_HOME", str(tmp_path / "home"))
    write_folder(tmp_path / "home", {"config.ini": "[DEFAULT]\ndata = data\narchive = archive\n"})
    return tmp_path / "home"


def lay_out(root: Path, n_per_class: int = 5) -> Path:
    files = {
        place: text for part in ("train", "test") for place, text in class_folders(n_per_class, f"{part}/").items()
    }
    return write_folder(root, {**files, "train/unsup/1.txt": "?", "unsup/2.txt": "?"})


def test_fastai_data_folder_is_found_as_fastai_finds_it(home: Path, tmp_path: Path) -> None:
    lay_out(home / "elsewhere" / "imdb")
    (home / "config.ini").write_text("[DEFAULT]\ndata = elsewhere\narchive = archive\n")
    files = find_reviews(imdb(tmp_path))
    with fastai_import():
        from fastai.data.external import URLs, fastai_cfg, untar_data
    fastai_cfg.cache_clear()
    try:
        assert {file.path.parents[2] for file in files} == {untar_data(URLs.IMDB)}
    finally:
        fastai_cfg.cache_clear()
    assert len(files) == 20


def test_published_parts_stay_and_valid_comes_from_train(tmp_path: Path) -> None:
    corpus = open_corpus(prepare(imdb(tmp_path / "cache", path=str(lay_out(tmp_path / "imdb", 10)))))
    assert corpus.classes == ["neg", "pos"]
    assert [len(corpus.part(name)) for name in ("train", "valid", "test")] == [16, 4, 20]


def test_reviews_without_labels_are_found_where_either_archive_has_them(tmp_path: Path) -> None:
    found = unlabelled_reviews(imdb(tmp_path, path=str(lay_out(tmp_path / "imdb"))))
    assert [file.place for file in found] == ["unsup/2.txt", "train/unsup/1.txt"]


def test_an_incomplete_folder_is_refused(home: Path, tmp_path: Path) -> None:
    write_folder(home / "data" / "imdb", class_folders(2, "train/"))
    with pytest.raises(ValueError, match=r"imdb lacks the folder test/neg; data=imdb expects"):
        find_reviews(imdb(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"^data\.path=.*none does not exist"):
        find_reviews(imdb(tmp_path, path=str(tmp_path / "none")))


def publish(monkeypatch: pytest.MonkeyPatch, archive: Path, root: Path, *, place: str) -> None:
    """Puts an archive of a folder at `archive` and makes it the published one."""
    archive.parent.mkdir()
    with tarfile.open(archive, mode="w:gz") as tar:
        tar.add(root, place)
    content = archive.read_bytes()
    head_md5 = hashlib.md5(content[: 2**20], usedforsecurity=False).hexdigest()
    monkeypatch.setattr(module, "ARCHIVE", replace(module.ARCHIVE, size_bytes=len(content), head_md5=head_md5))


def test_an_archive_at_hand_is_unpacked_where_fastai_would(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, home / "archive" / "imdb.tgz", lay_out(tmp_path / "source"), place="imdb")
    assert len(find_reviews(imdb(tmp_path))) == 20
    assert (home / "data" / "imdb" / "train" / "neg" / "0.txt").is_file()


def test_another_archive_is_refused_before_it_is_unpacked(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    publish(monkeypatch, home / "archive" / "imdb.tgz", lay_out(tmp_path / "source"), place="imdb")
    monkeypatch.setattr(module, "ARCHIVE", replace(module.ARCHIVE, head_md5="0" * 32))
    assert main(["data=imdb", "data.cache=cache"]) == 2
    said = capsys.readouterr().err
    assert "imdb.tgz is not the published archive: its first MiB has the MD5" in said
    assert "delete it to download it anew, give its folder by data.path=FOLDER" in said
    assert said.count("\n") == 1
    assert not (home / "data").exists()
    assert not Path("hpo.db").exists()


def test_an_archive_that_reaches_outside_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    publish(monkeypatch, home / "archive" / "imdb.tgz", lay_out(tmp_path / "source"), place="../../escaped")
    assert main(["data=imdb", "data.cache=cache"]) == 2
    assert "imdb.tgz holds a file that would lie outside of its folder" in capsys.readouterr().err
    assert list((home / "data").iterdir()) == []
    assert not list(home.parent.rglob("escaped"))


def test_the_published_archive_is_fastai_s() -> None:
    with fastai_import():
        import fastai.data
        from fastai.data.external import URLs
    checks = ast.literal_eval((Path(fastai.data.__file__).parent / "download_checks.py").read_text("utf-8"))
    assert module.ARCHIVE.url == URLs.IMDB
    assert checks[URLs.IMDB] == (module.ARCHIVE.size_bytes, module.ARCHIVE.head_md5)


@pytest.mark.usefixtures("home")
def test_without_reviews_and_network_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ARCHIVE", replace(module.ARCHIVE, url="http://127.0.0.1:9/imdb.tgz"))
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(FileNotFoundError, match=r"^data=imdb is neither .* data\.path=FOLDER, or use data=docstrings"):
        find_reviews(imdb(tmp_path))


@pytest.mark.skipif(not (SHARED / "data" / "imdb").is_dir(), reason="../shared/data/imdb is not there")
def test_real_reviews(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, SHARED / "bin" / "lay-out-imdb", "--root", home / "data", "--per-class", "50"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    corpus = open_corpus(prepare(imdb(tmp_path / "cache", valid=0.1, max_tokens=250)))
    assert (corpus.facts["n_train"], corpus.facts["n_valid"], corpus.facts["n_test"]) == (90, 10, 100)
    assert max(corpus.train.offsets[1:] - corpus.train.offsets[:-1]) == 250
