"""Words and numbers as the sections print them: a p-value, an interval, a count of seeds.

Sentences that belong to one section are written there.
"""

from __future__ import annotations

from collections.abc import Sequence

from hpo.report.intervals import Interval
from hpo.report.records import Experiment


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
