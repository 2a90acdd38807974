"""Commands that are given a password, and everything they write."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support import ROOT

RECORDER = """
import multiprocessing.reduction as reduction, os

def recorded(content):
    with open(os.environ["MESSAGES"], "ab") as file:
        file.write(bytes(content))
    return content

dumps = reduction.ForkingPickler.dumps
reduction.ForkingPickler.dumps = classmethod(lambda _, *args: recorded(dumps(*args)))

def dump(message, file, protocol=None):
    file.write(recorded(dumps(message, protocol)))

reduction.dump = dump
"""


class Commands:
    """Runs commands in one folder, and keeps all that they print.

    Attributes:
        folder: The working folder.
        messages: A file outside of it with everything that was sent to workers, and how they were started.
        printed: Standard output and error of every command.
    """

    def __init__(self, root: Path) -> None:
        self.folder, self.messages = root / "work", root / "messages"
        self.printed = ""
        self._recorder = root / "recorder"
        self._running: list[subprocess.Popen[str]] = []
        self.folder.mkdir()
        self._recorder.mkdir()
        (self._recorder / "sitecustomize.py").write_text(RECORDER)

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(self._recorder), str(ROOT)])
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": path, "MESSAGES": str(self.messages), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._running.append(process)
        return process

    def finish(self, process: subprocess.Popen[str]) -> str:
        out, err = process.communicate(timeout=120)
        self.printed += out + err
        return out + err

    def run(self, *words: str, env: Mapping[str, str] | None = None, code: int = 0) -> str:
        process = self.start(*words, env=env)
        printed = self.finish(process)
        assert process.returncode == code, printed
        return printed

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.communicate()

    def leaks(self) -> list[str]:
        """Returns what holds a canary: files of the folder, what was printed, what workers were sent."""
        places = {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        places |= {f"the name {path}": str(path).encode() for path in self.folder.rglob("*")}
        places |= {"printed": self.printed.encode(), "messages": self.messages.read_bytes()}
        return [place for place, content in places.items() if b"CANARY" in content]
