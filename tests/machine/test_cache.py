"""Folders that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from hpo.machine.cache import Cache, digest


def fill(folder: Path) -> None:
    (folder / "a").write_text("content")


def names(cache: Cache) -> list[str]:
    return sorted(path.name for path in cache.folder.iterdir())


def test_a_folder_is_made_once_and_found_by_signature(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path / "cache"))
    assert cache.find("s") is None
    folder = cache.make("corpus-1", fill)
    cache.remember("s", folder)
    assert cache.make("corpus-1", lambda _: pytest.fail("made twice")) == folder
    assert Cache(str(tmp_path / "cache")).find("s") == folder
    assert (folder / "a").read_text() == "content"
    assert names(cache) == ["corpus-1", "index"]


def test_who_may_read_a_folder_is_what_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        assert Cache(str(tmp_path)).make("corpus-1", fill).stat().st_mode & 0o777 == 0o775
    finally:
        os.umask(before)


def test_a_deleted_folder_is_not_found(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))
    folder = cache.make("corpus-1", fill)
    cache.remember("s", folder)
    shutil.rmtree(folder)
    assert cache.find("s") is None


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))

    def fail(folder: Path) -> None:
        fill(folder)
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        cache.make("corpus-1", fail)
    assert names(cache) == ["index"]


def test_whoever_comes_second_keeps_what_the_first_made(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))

    def slow(folder: Path) -> None:
        cache.make("corpus-1", fill)
        (folder / "a").write_text("second")

    assert (cache.make("corpus-1", slow) / "a").read_text() == "content"
    assert names(cache) == ["corpus-1", "index"]


def test_leftovers_of_dead_processes_are_cleared_and_of_living_ones_kept(tmp_path: Path) -> None:
    host, own = socket.gethostname(), psutil.Process()
    dead = next(pid for pid in range(2**22 - 1, 2, -1) if not psutil.pid_exists(pid))
    leftovers = {
        f".making-{host}-{dead}-1-x": False,
        f".making-{host}-{own.pid}-1-x": False,
        f".making-{host}-{own.pid}-{int(own.create_time())}-x": True,
        f".making-elsewhere-{dead}-1-x": True,
    }
    for name in leftovers:
        (tmp_path / name).mkdir()
    found = names(Cache(str(tmp_path)))
    assert {name: name in found for name in leftovers} == leftovers


def test_a_cache_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"^data\.cache=.*file/cache cannot be written \(Not a directory\); make room"):
        Cache(str(tmp_path / "file" / "cache"))


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ValueError, match=r"^data\.cache=.* cannot be written \(No space left on device\)"):
        Cache(str(tmp_path)).make("c", fail)


def test_home_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Cache("~/.cache/hpo").folder == tmp_path / ".cache" / "hpo"


def test_digest_tells_pieces_apart() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])
    assert digest(["é", b"x"]) == digest(["é".encode(), "x"])
    assert len(digest([])) == 16


@pytest.mark.parametrize(
    "spoil", [lambda path: path.write_text("c0ntent"), Path.unlink, lambda path: path.write_text("")]
)
def test_what_is_not_what_was_written_is_made_anew_and_said_once(
    tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    first = Cache(str(tmp_path))
    folder = first.make("corpus-1", fill)
    first.remember("s", folder)
    spoil(folder / "a")
    notes: list[str] = []
    cache = Cache(str(tmp_path), on_note=notes.append)
    assert cache.find("s") is None
    assert cache.make("corpus-1", fill) == folder
    assert (folder / "a").read_text() == "content"
    assert notes == [f"{folder} is damaged (a is not what was written); it is made anew."]
    assert Cache(str(tmp_path), on_note=pytest.fail).find("s") == folder
    assert names(cache) == ["corpus-1", "index"]


def test_digests_that_are_damaged_are_made_anew_with_their_folder(tmp_path: Path) -> None:
    folder = Cache(str(tmp_path)).make("corpus-1", fill)
    (folder / "digests.json").write_text("{")
    notes: list[str] = []
    Cache(str(tmp_path), on_note=notes.append).make("corpus-1", fill)
    assert notes == [f"{folder} is damaged (digests.json is not what was written); it is made anew."]
    Cache(str(tmp_path), on_note=pytest.fail).make("corpus-1", lambda _: pytest.fail("made twice"))


def test_a_folder_of_before_digests_were_kept_is_trusted(tmp_path: Path) -> None:
    folder = tmp_path / "corpus-1"
    folder.mkdir()
    fill(folder)
    assert Cache(str(tmp_path), on_note=pytest.fail).make("corpus-1", lambda _: pytest.fail("made twice")) == folder
