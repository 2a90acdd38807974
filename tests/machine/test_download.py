"""Archives from a server of this test, as published, tampered with, cut off, and malicious."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.machine.download import Archive, download, unpack

ADVICE = "or do without"


def tar(*members: tuple[tarfile.TarInfo | str, bytes]) -> bytes:
    """Returns a tar.gz of files by name, or of whatever a TarInfo says."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def described(content: bytes, url: str = "http://127.0.0.1:9/x.tgz") -> Archive:
    head_md5 = hashlib.md5(content[: 2**20], usedforsecurity=False).hexdigest()
    return Archive(url, len(content), head_md5, ADVICE)


GOOD = tar(("texts/a/1.txt", b"one"), ("texts/b/2.txt", b"two"))


@pytest.fixture
def served() -> Iterator[dict[str, bytes]]:
    """What a server on this machine answers, by path; its address is under "address"."""
    answers: dict[str, bytes] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = answers.get(self.path)
            self.send_response(200 if content is not None else 404)
            cut = self.path == "/cut"
            self.send_header("Content-Length", str(len(content or b"") + (100 if cut else 0)))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    answers["address"] = f"http://127.0.0.1:{server.server_address[1]}".encode()
    yield answers
    server.shutdown()
    server.server_close()
    thread.join()


def url(served: dict[str, bytes], path: str) -> str:
    return served["address"].decode() + path


def test_what_was_published_is_downloaded_and_unpacked(tmp_path: Path, served: dict[str, bytes]) -> None:
    served["/x.tgz"] = GOOD
    archive, path, seen = described(GOOD, url(served, "/x.tgz")), tmp_path / "archive" / "x.tgz", []
    download(archive, path, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == GOOD
    assert seen == [(len(GOOD), len(GOOD))]
    unpack(archive, path, tmp_path / "data" / "imdb")
    assert (tmp_path / "data" / "imdb" / "b" / "2.txt").read_text() == "two"
    unpack(archive, path, tmp_path / "data" / "imdb")  # as if another process had been quicker
    assert [entry.name for entry in (tmp_path / "data").iterdir()] == ["imdb"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (GOOD[:-1], f"it has {len(GOOD) - 1:,} bytes instead of {len(GOOD):,}"),
        (GOOD + b"x" * 9_000_000, f"it has more than {len(GOOD):,} bytes"),
        (b"x" + GOOD[1:], "its first MiB has the MD5"),
        (b"", "it has 0 bytes"),
    ],
)
def test_anything_else_is_refused_and_not_kept(
    answer: bytes, sentence: str, tmp_path: Path, served: dict[str, bytes]
) -> None:
    served["/x.tgz"] = answer
    archive = described(GOOD, url(served, "/x.tgz"))
    n_bytes = []
    with pytest.raises(ValueError, match=r"is not the published archive: .*; try again later, or do without\.$") as e:
        download(archive, tmp_path / "x.tgz", lambda done, _: n_bytes.append(done))
    assert sentence in str(e.value)
    assert len(n_bytes) <= 1  # and no more was read of what has no end
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x.tgz").write_bytes(answer)
    with pytest.raises(
        ValueError, match=r"x\.tgz is not the published archive: .*; delete it to download it anew"
    ) as e:
        unpack(archive, tmp_path / "x.tgz", tmp_path / "texts")
    assert sentence in str(e.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.tgz"]


@pytest.mark.parametrize("path", ["/missing", "/cut"])
def test_what_cannot_be_had_leaves_nothing(path: str, tmp_path: Path, served: dict[str, bytes]) -> None:
    served["/cut"] = GOOD[:50]
    archive = described(GOOD, url(served, path))
    with pytest.raises((OSError, ValueError), match=r"404|IncompleteRead|bytes instead of"):
        download(archive, tmp_path / "x.tgz", lambda _done, _total: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "members",
    [
        [("../escaped", b"!")],
        [("texts/../../escaped", b"!")],
        [("texts/ok", b""), (link("texts/up", "../../..", tarfile.SYMTYPE), b"")],
        [(link("texts/up", "../..", tarfile.SYMTYPE), b""), ("texts/up/escaped", b"!")],
        [(link("texts/hard", "../../secret", tarfile.LNKTYPE), b"")],
        [(link("texts/null", "", tarfile.CHRTYPE), b"")],
    ],
    ids=["beside", "through the folder", "link", "through a link", "hard link", "device"],
)
def test_no_member_escapes(members: list[tuple[tarfile.TarInfo | str, bytes]], tmp_path: Path) -> None:
    content = tar(*members)
    (tmp_path / "in" / "data").mkdir(parents=True)
    (tmp_path / "secret").write_text("unread")
    path = tmp_path / "x.tgz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.tgz holds a file that would lie outside .*; delete it, or do without\.$"):
        unpack(described(content), path, tmp_path / "in" / "data" / "texts")
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == ["data", "in", "secret", "x.tgz"]


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    content = tar((f"{tmp_path}/escaped", b"!"))
    (tmp_path / "x.tgz").write_bytes(content)
    unpack(described(content), tmp_path / "x.tgz", tmp_path / "data" / "texts")
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"no archive",
        gzip.compress(b"no tar"),
        GOOD[:-20],
        GOOD[:40] + b"\xff" * 20 + GOOD[60:],
        GOOD[:-8] + b"1234" + GOOD[-4:],
    ],
    ids=["no archive", "no tar", "cut off", "garbled", "another checksum"],  # a compressed content holds the time
)
def test_a_damaged_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.tgz is damaged \(.*\); delete it, or do without\.$"):
        unpack(described(content), tmp_path / "x.tgz", tmp_path / "texts")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.tgz"]


def test_an_archive_holds_one_folder(tmp_path: Path) -> None:
    for content in (tar(("a/1", b""), ("b/2", b"")), tar(("file", b""))):
        (tmp_path / "x.tgz").write_bytes(content)
        with pytest.raises(ValueError, match="does not hold one folder"):
            unpack(described(content), tmp_path / "x.tgz", tmp_path / "texts")
