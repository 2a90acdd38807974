"""Folders behind URLs: what each kind of store must do, what is refused, and stores that are away."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.registry import known_implementations

import hpo.machine.remote
from hpo.commands.console import main
from hpo.machine.remote import RemoteAway, RemoteFolder, check_remote
from hpo.machine.secrets import mask
from tests.support.remote_stores import Store

STUDY = ("trainer=synthetic", "tracking=none", "executor=inline", "study.n_trials=2", "study.name=x")


@pytest.fixture(params=["file", "ftp", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    opened = Store.open(request.param, tmp_path / "store", monkeypatch)
    yield opened
    opened.stop()


# fsspec 2026.9 leaves the file it would write open when an FTP server refuses one
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_files_are_kept_and_found_by_everybody(store: Store, tmp_path: Path) -> None:
    one, other = (RemoteFolder(f"{store.url}/studies/x") for _ in range(2))
    here, there = tmp_path / "here", tmp_path / "there"
    assert one.names() == other.names("0000") == []
    for content in (b"first", b"x" * 300_000):  # the second replaces the first
        here.write_bytes(content)
        one.put(here, "0001/checkpoints/a.safetensors")
        assert other.names() == ["0001/checkpoints/a.safetensors"] == other.names("0001")
        assert other.get("0001/checkpoints/a.safetensors", there)
        assert there.read_bytes() == content
    one.put(here, "0000/b")
    assert other.names() == ["0000/b", "0001/checkpoints/a.safetensors"]
    assert other.names("0000") == ["0000/b"]
    other.delete("0000/b")
    other.delete("0000/b")
    other.delete_empty("0000")
    other.delete_empty("0001")  # it is not
    assert one.names() == ["0001/checkpoints/a.safetensors"]
    assert not one.get("0000/b", there)
    assert there.read_bytes() == content
    assert {path.name for path in tmp_path.iterdir()} - {"store-cache"} == {"here", "there", "store"}


def test_a_store_is_tried_and_left_as_it_was(store: Store) -> None:
    check_remote(f"{store.url}/studies")
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("url", "sentence"),
    {
        "memory://studies": "storage.folder=memory://studies is gone with its process; give one that is kept, as in s3",
        "nosuch://studies": "storage.folder=nosuch://studies is of a kind, nosuch, that fsspec does not know; give one",
        "lacking://studies": "storage.folder=lacking://studies needs the package a_package_nobody_has; pip install a_",
        "file://studies": "storage.folder=file://studies names no folder that every machine understands",
        "s3://": "storage.folder=s3:// names no folder that every machine understands",
        "simplecache::file:///x": "names no folder that every machine understands",
        "file:///proc/none": "storage.folder=file:///proc/none takes no files here (No such file or directory)",
        "file:///dev/null/x": "storage.folder=file:///dev/null/x takes no files here (Not a directory)",
        "ftp://me:CANARY@host/x": "storage.folder=ftp://***@host/x has a user or a password in it, which every worker",
        "lacking://x?token=CANARY": "storage.folder=lacking://x?token=*** has a user or a password in it",
    }.items(),
)
def test_what_cannot_keep_trials_is_refused(
    url: str, sentence: str, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = {"class": "a_package_nobody_has.files.Files", "err": "Please get it"}
    monkeypatch.setitem(known_implementations, "lacking", lacking)
    with pytest.raises(ValueError, match=re.escape(sentence)) as refused:
        check_remote(url)
    assert "CANARY" not in str(refused.value)
    assert list(workdir.iterdir()) == []


@pytest.mark.parametrize("url", ["memory://studies", "ftp://me:CANARY@host/x"])
def test_a_refusal_is_one_sentence_and_leaves_nothing(
    url: str, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*STUDY, f"storage.folder='{url}'"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "CANARY" not in said.err
    assert list(workdir.iterdir()) == []


def test_a_store_that_is_away_pauses_a_study_before_it_begins(
    workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.open("ftp", tmp_path / "store", monkeypatch)
    store.stop()
    assert main([*STUDY, f"storage.folder={store.url}/x"]) == 4
    said = capsys.readouterr().err
    assert f"{store.url}/x cannot be used from " in said
    assert "(Connection refused); mend that, and the same command goes on." in said
    assert not Path("hpo.db").exists()


def test_an_outage_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open("ftp", tmp_path / "store", monkeypatch)
    here = tmp_path / "here"
    here.write_bytes(b"x")
    try:
        remote = RemoteFolder(f"{store.url}/x")
        remote.put(here, "a")
        store.stop()
        restart = threading.Timer(1.0, store.start)
        restart.start()
        remote.put(here, "b")
        restart.join()
        assert remote.names() == ["a", "b"]
    finally:
        store.stop()


@pytest.mark.parametrize("is_stopped", [False, True])
def test_waiting_has_an_end(is_stopped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hpo.machine.remote, "PATIENCE_S", 600.0 if is_stopped else 0.5)
    store = Store.open("ftp", tmp_path / "store", monkeypatch)
    store.stop()
    began = time.monotonic()
    with pytest.raises(RemoteAway, match="Connection refused") as away:
        RemoteFolder(store.url, must_stop=lambda: is_stopped and time.monotonic() > began + 0.5).names()
    assert not away.value.is_lasting
    assert time.monotonic() - began < 60


def test_what_fsspec_reads_from_the_environment_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FSSPEC_S3_SECRET", "FSSPEC_S3_KEY", "FSSPEC_FTP_PASSWORD"):
        monkeypatch.setenv(name, f"CANARY-{name}")
        assert mask(f"it was CANARY-{name}.") == "it was ***."
