"""Words and numbers as the sections print them: a p-value, an interval, a count of seeds.

Sentences that belong to one section are written there.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Column
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


def budget_text(experiment: Experiment) -> str:
    return f"{experiment.budget:g} {experiment.unit}"


def task_name(task: str) -> str:
    """Returns the name of a task as it is shown; the only one of an experiment may have none."""
    return task or "all trials"


def titled(experiment: Experiment, title: str, task: str) -> str:
    """Returns `TITLE: TASK`; the title alone where there is one task only."""
    return f"{title}: {task}" if experiment.has_tasks else title


def labelled(experiment: Experiment, task: str, label: str) -> str:
    """Returns `TASK: LABEL`; the label alone where there is one task only."""
    return f"{task_name(task)}: {label}" if experiment.has_tasks else label


def share_columns(title: str, *, of: str = "") -> list[Column]:
    """Returns the columns of a share: `title`, then the share and the ends of its interval, all `of` something."""
    suffix = f" ({of})" if of else ""
    return [Column(title), *(Column(f"{name}{suffix}", ".2f") for name in ("Share", "95 % from", "95 % to"))]
