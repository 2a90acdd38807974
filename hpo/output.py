"""Standard output and error while a command runs: no secret that is known gets out through them.

What is written is not decided here; what is secret is `secret`'s to know.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import TracebackType
from typing import TextIO, cast

from hpo.secret import mask


@contextmanager
def masked_output() -> Iterator[None]:
    """Masks the secrets in all that Python code prints, that of libraries and of an uncaught exception included."""
    try:
        out, err = cast(TextIO, _Masked(_there(sys.stdout))), cast(TextIO, _Masked(_there(sys.stderr)))
        with redirect_stdout(out), redirect_stderr(err):
            yield
    except Exception:
        sys.excepthook = _show_masked  # Python shows it when the streams are its own again
        raise


def _there(stream: TextIO | None) -> TextIO:
    """Returns `stream`, or one that drops everything where the command was started without it, as by `>&-`."""
    return stream or Path(os.devnull).open("w")


class _Masked:
    """A stream, all of it, with what is written to it masked."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        self._stream.write(mask(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)


def _show_masked(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(mask("".join(traceback.format_exception(kind, error, trace))))
