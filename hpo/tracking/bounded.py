"""A client of MLflow none of whose calls can take for ever, whatever the server does.

Each wait of the HTTP client is bounded, but not how many there are: a server that sends a byte now and then is read
for hours. What is called, and what is done when time is up, is said elsewhere.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
N_WAITS = 6  # of MLFLOW_HTTP_REQUEST_TIMEOUT: what one call may take that makes a few requests
UPLOAD_S = 900.0  # what calls that send files may take
TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
UPLOADS = ("log_artifact", "log_artifacts", "log_model_artifacts")


class NeverEnds(TimeoutError):
    """A server sends for as long as one listens; the words say so, as the end of a sentence about it."""


class BoundedClient:
    """Calls every method of another client in a thread that is left behind when time is up."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            limit_s = N_WAITS * float(os.environ[TIMEOUT])
            return within(lambda: method(*args, **kwargs), UPLOAD_S if name in UPLOADS else limit_s)

        return call


def within(call: Callable[[], T], limit_s: float) -> T:
    """Returns what `call` returns, or raises what it raises.

    Raises:
        NeverEnds: if it has done neither in time; it goes on in a thread that ends with the process.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:  # raised again by whoever waits
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True, name="mlflow-call")
    thread.start()
    thread.join(limit_s)
    if errors:
        raise errors[0]
    if not results:
        raise NeverEnds(f"has not ended its answer after {limit_s:.0f} s")
    return results[0]
