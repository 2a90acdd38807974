"""A proxy before a real MLflow server that can misbehave."""

from __future__ import annotations

import http.client
import re
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.chaos.server import free_port

MODES = ("refuse", "hang", "500", "503", "cut", "late", "slow")
SLOW_S = 0.4
NOT_FORWARDED = ("connection", "content-length", "transfer-encoding", "date", "server")


class Proxy:
    """Hands requests on to a server while `mode` is "pass"; one of `MODES` else, or "400 POST /path".

    refuse: the port is closed. hang: connections are taken and nothing comes back. 500, 503: an answer, and nothing
    reaches the server. cut: the server does what it is asked, half of its answer comes back. late: likewise, and the
    answer comes after the client has given up. slow: every answer takes its time. "NNN REGEX": requests whose method
    and path match are answered NNN.

    Attributes:
        n_served, n_spoilt: Requests that got a whole answer in time, and others; a closed port counts none.
    """

    def __init__(self, upstream_port: int) -> None:
        self.port = free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        self.mode = "refuse"
        self.n_served = self.n_spoilt = 0
        self._upstream_port = upstream_port
        self._switched = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener: ThreadingHTTPServer | None = None
        self._holder: socket.socket | None = None
        self.switch("pass")

    def switch(self, mode: str) -> None:
        """Changes the mode; connections that are open are cut."""
        assert mode in ("pass", *MODES) or re.match(r"\d{3} ", mode), mode
        self.mode = mode
        self._switched.set()
        self._switched = threading.Event()
        if mode == "refuse":
            self._stop_listening()
            self._holder = self._bind(socket.socket())  # nobody else gets the port, and it does not listen
        elif self._listener is None:
            self._listen()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.switch("refuse")
        self._stop_listening()

    def _listen(self) -> None:
        self._stop_listening()
        self._listener = _Listener(("127.0.0.1", self.port), _handler(self), bind_and_activate=False)
        self._bind(self._listener.socket)
        self._listener.server_activate()
        threading.Thread(target=self._listener.serve_forever, args=(0.05,), daemon=True).start()

    def _stop_listening(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None

    def _bind(self, holder: socket.socket) -> socket.socket:
        """Binds to the port; a process that is being started may have a copy of the socket before for an instant."""
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for _ in range(100):
            with suppress(OSError):
                holder.bind(("127.0.0.1", self.port))
                return holder
            time.sleep(0.05)
        raise AssertionError(f"port {self.port} is taken")

    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Returns the server's status, headers and content."""
        upstream = http.client.HTTPConnection("127.0.0.1", self._upstream_port, timeout=60)
        headers = {key: text for key, text in request.headers.items() if key.lower() not in NOT_FORWARDED}
        headers["Host"] = f"127.0.0.1:{self._upstream_port}"
        try:
            upstream.request(request.command, request.path, body=body, headers=headers)
            answer = upstream.getresponse()
            kept = [(key, text) for key, text in answer.getheaders() if key.lower() not in NOT_FORWARDED]
            return answer.status, kept, answer.read()
        finally:
            upstream.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing: connections that break are what this is for."""


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            proxy._open.add(self.connection)

        def finish(self) -> None:
            proxy._open.discard(self.connection)
            super().finish()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
            pass

        def _serve(self) -> None:
            mode, switched = proxy.mode, proxy._switched
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            code, _, pattern = mode.partition(" ")
            is_spoilt = mode not in ("pass", "slow")
            if pattern:
                is_spoilt = re.search(pattern, f"{self.command} {self.path}") is not None
            proxy.n_spoilt += is_spoilt
            proxy.n_served += not is_spoilt
            if is_spoilt and code.isdigit():
                self._answer(int(code), [("Retry-After", "60")], b"the proxy says no")
                return
            if mode == "slow":
                switched.wait(SLOW_S)
            answer = proxy.forward(self, body) if mode != "hang" else None
            if answer is None or mode == "late":
                switched.wait()
                self.close_connection = True
                return
            self._answer(*answer, is_cut=mode == "cut")

        def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes, *, is_cut: bool = False) -> None:
            self.send_response(status)
            for key, text in headers:
                self.send_header(key, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if is_cut else content)
            self.close_connection = is_cut

    for verb in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler._serve)
    return Handler
