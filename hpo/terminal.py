"""The terminal hpo writes to, and what happens when it goes away.

What is written there is decided by `display` and `summary`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

CLOSED_PIPE = 1  # what Rich gives SystemExit


def open_console() -> Console:
    """Returns a console on standard output."""
    return tolerant(Console(highlight=False))


def tolerant(console: Console) -> Console:
    """Returns `console`, which from now on never fails over a character that its encoding lacks."""
    reconfigure = getattr(console.file, "reconfigure", None)  # a stream of the system's has it
    if reconfigure is not None and console.options.ascii_only:
        reconfigure(errors="replace")
    return console


@contextmanager
def unless_gone(console: Console) -> Iterator[None]:
    """Silences `console` when nobody reads it any more: a closed pipe or a lost login must not end a study.

    Rich turns a closed pipe into SystemExit; a lost login is an OSError. A signal that ends the command ends it
    here, too.
    """
    try:
        yield
    except OSError:
        console.quiet = True
    except SystemExit as end:
        if end.code != CLOSED_PIPE:
            raise
        console.quiet = True
