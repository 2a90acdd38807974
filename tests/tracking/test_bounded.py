"""Servers that never come to an end: what waits for them does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hpo.tracking.bounded import N_WAITS, NeverEnds, within
from hpo.tracking.mirror import Mirror
from tests.support.mlflow_contents import make_study, make_trials

RUN = {"info": {"run_id": "a" * 32, "experiment_id": "1", "status": "RUNNING"}, "data": {}}


class Endless(BaseHTTPRequestHandler):
    """Answers a byte at a time, or with one page of runs after the other, all of them the same."""

    drips = False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        pass

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        experiment = {"experiment_id": "1", "name": "docs tests", "lifecycle_stage": "active"}
        self._answer({"experiment": experiment, "runs": [RUN], "next_page_token": "again"})

    do_POST = do_GET  # noqa: N815  # the base class's names

    def _answer(self, content: object) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if not self.drips:
            self.wfile.write(json.dumps(content).encode())
            return
        while True:
            self.wfile.write(b" ")
            time.sleep(0.1)


@pytest.fixture
def endless() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # nobody listens any more
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("drips", "said"),
    [
        (True, f"has not ended its answer after {N_WAITS} s"),
        (False, "gives pages of runs that repeat and never end"),
    ],
)
def test_a_sync_ends_though_its_server_does_not(
    endless: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drips: bool, said: str
) -> None:
    monkeypatch.setattr(Endless, "drips", drips)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with pytest.raises(ConnectionError) as raised:
        Mirror(endless, {}).sync(make_study(tmp_path), make_trials(), tmp_path, is_finished=True)
    assert str(raised.value) == f"MLflow at {endless} {said}; call again when it is well, or give another tracking.uri."


def test_what_a_call_returns_or_raises_in_time_is_its_own() -> None:
    assert within(lambda: 3, 10) == 3
    with pytest.raises(ZeroDivisionError):
        within(lambda: 1 // 0, 10)
    with pytest.raises(NeverEnds):
        within(threading.Event().wait, 0.01)
