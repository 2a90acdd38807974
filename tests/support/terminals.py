"""Consoles to draw on, and terminals that are lost."""

from __future__ import annotations

import io
from collections.abc import Mapping

from rich.console import Console


def make_console(file: io.TextIOBase | None = None, *, width: int = 80, term: str = "xterm") -> Console:
    """Returns a console that takes itself for a terminal."""
    environ: Mapping[str, str] = {"TERM": term}
    return Console(file=file or io.StringIO(), force_terminal=True, width=width, height=24, _environ=environ)  # type: ignore[arg-type]  # rich wants IO[str]


class LostTerminal(io.StringIO):
    def write(self, text: str, /) -> int:
        raise OSError(5, "Input/output error")
