"""Words and numbers as the sections print them: a p-value, an interval, a count of seeds.

Sentences that belong to one section are written there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hpo.figures.figure import Cell
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Column, Table
from hpo.statistics.bootstrap import Interval


def number(value: float | None) -> str:
    """Returns a number with four significant digits and a true minus sign, or a dash."""
    return "–" if value is None else f"{value:.4g}".replace("-", "−")


def p_value(p: float) -> str:
    return "p < .0001" if p < 1e-4 else f"p = {p:.2g}"


def interval_text(interval: Interval) -> str:
    if interval.low is None:
        return "no interval"
    return f"95 % CI {number(interval.low)} to {number(interval.high)}"


def count(n: int, noun: str) -> str:
    """Returns `1 seed`, `8 seeds` or `2 studies`."""
    return f"{n} {noun}" if n == 1 else f"{n} {plural(noun)}"


def plural(noun: str) -> str:
    return f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def listing(names: Sequence[object], *, conjunction: str = "and") -> str:
    """Returns `a`, `a and b` or `a, b and c`."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {conjunction} {words[-1]}" if words else "none"


def turned(interval: Interval, *, sign: float) -> Interval:
    """Returns the interval of the same quantity times the sign."""
    if interval.low is None or interval.high is None or sign > 0:
        return interval
    return Interval(0.0 - interval.high, 0.0 - interval.low, interval.method)  # never -0


def budget_text(experiment: Experiment) -> str:
    return f"{experiment.budget:g} {experiment.unit}"


TASK = Column("Task")


def task_name(task: str) -> str:
    """Returns the name of a task as it is shown; the only one of an experiment may have none."""
    return task or "all trials"


def task_table(experiment: Experiment, table: Table) -> Table:
    """Returns `table`, whose first column is the task, without this column where there is one task only."""
    if len(experiment.tasks) > 1:
        return table
    rows: list[Sequence[Cell]] = [row[1:] for row in table.rows]
    return replace(table, columns=table.columns[1:], rows=rows)


def share_columns(title: str, *, of: str = "") -> list[Column]:
    """Returns the columns of a share: `title`, then the share and the ends of its interval, all `of` something."""
    suffix = f" ({of})" if of else ""
    return [Column(title), *(Column(f"{name}{suffix}", ".2f") for name in ("Share", "95 % from", "95 % to"))]
