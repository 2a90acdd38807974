"""Python's collection of garbage put off while a great many objects are made that all stay.

What is made, and how much of it, is the callers' business.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Puts off the search for garbage: it looks at all objects anew whenever a quarter more are there."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def left_alone() -> Iterator[None]:
    """Lets the search for garbage leave alone what is there already, and look at what is made from now on."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
