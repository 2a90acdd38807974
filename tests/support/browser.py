"""A real Chromium that opens a page of this machine, told what to do over a pipe (Chrome DevTools Protocol)."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HAS_CHROMIUM = shutil.which("chromium") is not None
TIMEOUT_S = 60


class Page:
    """A page; `requests`, `messages` and `dialogs` hold all it asked for, wrote to the console, and popped up."""

    def __init__(self, process: subprocess.Popen[bytes], reading: int, writing: int) -> None:
        self._process = process
        self._reading, self._writing = reading, writing
        self._n_calls, self._session, self._rest = 0, "", b""
        self.requests: list[str] = []
        self.messages: list[str] = []
        self.dialogs: list[str] = []

    def start(self, *, width: int, height: int, is_dark: bool, is_phone: bool) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Emulation.setTouchEmulationEnabled", enabled=is_phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, page: Path | str) -> None:
        address = page.as_uri() if isinstance(page, Path) else page
        self.call("Page.navigate", url=address)
        self.wait(f"document.readyState === 'complete' && location.protocol === '{address.partition(':')[0]}:'")

    def save(self, path: Path) -> None:
        """Writes what is to be seen as a PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def wait(self, condition: str) -> None:
        """Waits until JavaScript's `condition` holds."""
        deadline = time.monotonic() + TIMEOUT_S
        while not self.evaluate(condition):
            assert time.monotonic() < deadline, f"never came true: {condition}; console: {self.messages}"
            time.sleep(0.05)

    def evaluate(self, expression: str) -> Any:
        """Returns the value of a JavaScript expression, a promise's when it is settled."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_within(self, frame: str, condition: str) -> None:
        """Waits until JavaScript's `condition` holds in the sandboxed frame whose address begins with `frame`."""
        deadline = time.monotonic() + TIMEOUT_S
        while not any(self._evaluate_in(target, condition) for target in self._frames(frame)):
            assert time.monotonic() < deadline, f"never came true in {frame}…: {condition}"
            time.sleep(0.05)

    def _evaluate_in(self, target: str, expression: str) -> Any:
        session = self._session
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        try:
            return self.evaluate(expression)
        finally:
            self._session = session

    def _frames(self, address: str) -> list[str]:
        found = self.call("Target.getTargets")["targetInfos"]
        return [each["targetId"] for each in found if each["type"] == "iframe" and each["url"].startswith(address)]

    def call(self, method: str, **params: object) -> dict[str, Any]:
        self._n_calls += 1
        message = {"id": self._n_calls, "method": method, "params": params}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._n_calls:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.messages.append(json.dumps(params))
            case "Page.javascriptDialogOpening":
                self.dialogs.append(params["message"])

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._reading], [], [], TIMEOUT_S)
            assert ready, "chromium does not answer"
            part = os.read(self._reading, 1 << 20)
            assert part, f"chromium ended with {self._process.poll()}"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def open_page(
    page: Path | str,
    profile: Path,
    *,
    width: int = 1280,
    height: int = 900,
    is_dark: bool = False,
    is_phone: bool = False,
) -> Iterator[Page]:
    """Yields a page that has loaded a file, or an address on 127.0.0.1; no name resolves in this browser."""
    their_reading, our_writing = os.pipe()
    our_reading, their_writing = os.pipe()
    chromium = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        "--remote-debugging-pipe",
    ]
    chromium += [
        f"--user-data-dir={profile}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--no-first-run",
    ]
    redirected = ["bash", "-c", f'exec "$@" 3<&{their_reading} 4>&{their_writing}', "bash", *chromium]
    process = subprocess.Popen(
        redirected, pass_fds=(their_reading, their_writing), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(their_reading)
    os.close(their_writing)
    try:
        opened = Page(process, our_reading, our_writing)
        opened.start(width=width, height=height, is_dark=is_dark, is_phone=is_phone)
        opened.open(page)
        yield opened
    finally:
        process.terminate()
        process.wait(timeout=30)
        os.close(our_reading)
        os.close(our_writing)
