"""The summary of the ladder: a row a step, as text and as JSON.

What is in it is found by `running`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpo.terminal.format import format_duration

HEADINGS = ("step", "seconds", "valid", "test", "on disk", "texts/s", "")
Z = 1.959963984540054  # the normal quantile of .975


@dataclass(frozen=True)
class Row:
    """What became of a step.

    Attributes:
        step: Its name.
        reason: Why there is no model of it; "" if there is.
        study: The study that it is; "" of the ensemble, and of a step that was skipped.
        seconds: What it took, over all commands that worked on it and were not killed.
        valid: The metric of its kept model on valid.
        error: The standard error of that, over texts.
        test: The same metric on test; None where it was not tested.
        size_bytes: Its folder.
        texts_per_s: How many texts its model answers a second, tokens and all.
    """

    step: str
    reason: str = ""
    study: str = ""
    seconds: float = 0.0
    valid: float | None = None
    error: float = 0.0
    test: float | None = None
    size_bytes: int = 0
    texts_per_s: float = 0.0

    @property
    def cells(self) -> tuple[str, ...]:
        """What people read of it."""
        seconds = format_duration(self.seconds) if self.seconds else ""
        if self.valid is None:
            return (self.step, seconds, "", "", "", "", self.reason)
        test = "" if self.test is None else f"{self.test:.4f}"
        size = f"{self.size_bytes / 1e6:.1f} MB"
        return (
            self.step,
            seconds,
            f"{self.valid:.4f} ± {Z * self.error:.4f}",
            test,
            size,
            f"{self.texts_per_s:,.0f}",
            "",
        )


def as_text(rows: Sequence[Row], *, metric: str) -> str:
    """Returns the table, columns aligned."""
    headings = [{"valid": f"{metric} on valid", "test": "on test"}.get(name, name) for name in HEADINGS]
    table = [headings, *(list(row.cells) for row in rows)]
    widths = [max(len(line[column]) for line in table if not (column and line[-1])) for column in range(len(HEADINGS))]
    return "\n".join(_line(cells, widths) for cells in table)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    if cells[-1]:
        first = "  ".join(cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True))
        return f"{first}  none: {cells[-1]}"
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
