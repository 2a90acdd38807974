"""Words and numbers as the sections print them: a p-value, an interval, a count of seeds.

Sentences that belong to one section are written there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Column
from hpo.statistics.interval import Interval
from hpo.statistics.paired import Ranking


def number(value: float | None) -> str:
    """Returns a number with four significant digits and a true minus sign, or a dash."""
    return "–" if value is None else f"{value:.4g}".replace("-", "−")


def p_value(p: float) -> str:
    return "p < .0001" if p < 1e-4 else f"p = {p:.2g}"


def friedman_text(ranking: Ranking) -> str:
    """Returns Friedman's statistic, its degrees of freedom and p: `χ²(2) = 9.3, p = .0098`."""
    if ranking.chi2 is None or ranking.p is None:
        return "not computed"
    return f"χ²({len(ranking.strategies) - 1}) = {ranking.chi2:.3g}, {p_value(ranking.p)}"


MOST_DECIMALS = 6
FIGURES = 2  # of half an interval's width: more would be noise


def effect_text(value: float, interval: Interval) -> str:
    """Returns an effect in as many digits as its interval allows; in two significant ones where there is none."""
    decimals = _decimals(value, interval)
    return f"{value:.2g}".replace("-", "−") if decimals is None else _fixed(value, decimals)


def interval_text(value: float, interval: Interval) -> str:
    """Returns `95 % interval −0.015 to 0.008` in the digits of the effect that it belongs to, or that there is none."""
    if interval.low is None or interval.high is None:
        return "no 95 % interval exists"
    decimals = _decimals(value, interval)
    low, high = (
        "no bound" if math.isinf(end) else number(end) if decimals is None else _fixed(end, decimals)
        for end in (interval.low, interval.high)
    )
    return f"95 % interval {low} to {high}{', without 0' if interval.is_without_zero else ''}"


def _decimals(value: float, interval: Interval) -> int | None:
    """Returns the decimals at which half the width has two figures, and no end away from 0 looks like it."""
    ends = [end for end in (interval.low, interval.high) if end is not None and math.isfinite(end)]
    half = sum(abs(end - value) for end in ends) / len(ends) if ends else 0.0
    if not half or not math.isfinite(half):
        return None
    decimals = max(0, FIGURES - 1 - math.floor(math.log10(half)))
    while decimals <= MOST_DECIMALS and any(not round(end, decimals) for end in ends if end):
        decimals += 1
    return decimals if decimals <= MOST_DECIMALS else None


def _fixed(value: float, decimals: int) -> str:
    return f"{round(value, decimals) + 0.0:.{decimals}f}".replace("-", "−")


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
    least = min(experiment.budgets.values(), default=experiment.budget)
    span = f"{least:g} to " if least < experiment.budget else ""
    return f"{span}{experiment.budget:g} {experiment.unit}{' by task' if span else ''}"


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
