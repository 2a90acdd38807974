"""The worker processes of a driver."""

from __future__ import annotations

from contextlib import suppress

import psutil


def spawned(pid: int | None = None) -> list[psutil.Process]:
    """Returns the living processes that multiprocessing has spawned below `pid`, or below this process."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # a zombie is one, too
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found
