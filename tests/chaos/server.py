"""A real MLflow server over one folder that can be killed and started again at the same address."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

START_S = 120.0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class MlflowServer:
    """Runs on 127.0.0.1; nothing runs until `start`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, unless it runs, and waits until it answers."""
        self.launch()
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < deadline, "the MLflow server did not start"
            assert self._is_alive, "the MLflow server ended at once"
            time.sleep(0.1)

    def launch(self) -> None:
        """Starts it, unless it runs."""
        if self._is_alive:
            return
        words = ["-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(
            [sys.executable, *words, "--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db"],
            cwd=self._folder,
            env={  # nothing of what its clients are told
                "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
                "HOME": str(self._folder),
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def send(self, number: signal.Signals) -> None:
        """Signals the server and its worker, which share a process group of their own."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        if self._process is not None and self._is_alive:
            self.send(signal.SIGKILL)
            self._process.wait()

    @property
    def _is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
