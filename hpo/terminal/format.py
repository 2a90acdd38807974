"""How params, values, durations and curves are written as text.

Pure functions from data to strings; where a text goes is decided by `display` and `summary`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hpo.config.override_text import override_value
from hpo.config.search import ParamValue
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, Budget, TrialRecord
from hpo.machine.escaping import last_line

STATE_WORDS = {RUNNING: "running", COMPLETE: "complete", PRUNED: "pruned", FAIL: "failed"}
PAUSED = "PAUSED"  # a trial that runs, though nobody works on it: no state of the record
BLOCKS, ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*#@"


def format_params(params: Mapping[str, ParamValue]) -> str:
    """Returns params for reading: `drop_mult=0.31 lr=0.0123`; the section only where a name is used twice."""
    names = Counter(_leaf(path) for path in params)
    return " ".join(
        f"{_leaf(path) if names[_leaf(path)] == 1 else path}={_short(value)}" for path, value in params.items()
    )


def format_number(value: float) -> str:
    """Returns four decimals, or four digits where four decimals would hide the value."""
    if value == 0 or 0.001 <= abs(value) < 10_000:
        return f"{value:.4f}"
    return f"{value:.3e}"


def format_duration(duration_s: float) -> str:
    """Returns the two largest units: `0.4 s`, `45 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`."""
    if 0 < duration_s < 9.95:
        return f"{duration_s:.1f} s"
    seconds = max(round(duration_s), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        return f"{days} d {hours % 24:02} h"
    if hours:
        return f"{hours} h {minutes % 60:02} min"
    return f"{minutes} min {seconds % 60:02} s" if minutes else f"{seconds} s"


def format_times(elapsed_s: float, left_s: float | None) -> str:
    """Returns the time spent and, unless nothing is left to do, the time left; `left_s` None: it is not known."""
    left = "" if left_s == 0 else ", time left unknown" if left_s is None else f", about {format_duration(left_s)} left"
    return format_duration(elapsed_s) + left


def whole_words(text: str, width: int) -> str:
    """Returns as many words of `text` as have room in `width` characters, and an ellipsis for the others."""
    if len(text) <= width:
        return text
    kept = text[: max(width - 1, 0)].rpartition(" ")[0]
    return f"{kept} …" if kept else "…"


def format_path(path: str) -> str:
    """Returns a path as it is typed here: from the working directory on, if it is below."""
    with suppress(ValueError, OSError):  # elsewhere; or there is no working directory any more
        return str(Path(path).relative_to(Path.cwd()))
    return path


def format_count(n: int, noun: str) -> str:
    """Returns `1 study`, `1,200 studies`, `2 seeds`."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n:,} {noun if n == 1 else plural}"


def format_failure(trial: TrialRecord, done: str) -> str:
    """Returns why a trial failed after `done`: the reason, and what its error ends with."""
    error = last_line(trial.error or "")
    return f"{trial.reason or 'no reason given'} after {done}{' - ' if error else ''}{error}"


def format_budget(budget: Budget) -> str:
    """Returns the limits of a study, whichever comes first."""
    limits = [
        "" if budget.n_trials is None else f"{budget.n_trials} trials",
        "" if budget.timeout_s is None else format_duration(budget.timeout_s),
        "" if budget.n_epochs is None else f"{budget.n_epochs} epochs",
    ]
    return " or ".join(limit for limit in limits if limit) or "no limit"


def format_counts(trials: Iterable[TrialRecord], *, running: str = "running") -> str:
    """Returns how many trials are in which state: `2 running, 4 paused, 7 complete, 3 failed (2 diverged, 1 oom)`.

    Args:
        trials: Any number of them.
        running: What RUNNING is called; while no driver is at work it is not "running".
    """
    trials = list(trials)
    counts = Counter(PAUSED if trial.is_paused else trial.state for trial in trials)
    words = {RUNNING: running, PAUSED: "paused"} | {k: word for k, word in STATE_WORDS.items() if k != RUNNING}
    parts = [f"{counts[state]} {word}" for state, word in words.items() if counts[state]]
    reasons = Counter(trial.reason or "no reason" for trial in trials if trial.state == FAIL)
    if reasons:
        named = [reason if len(reasons) == 1 else f"{n} {reason}" for reason, n in reasons.most_common()]
        parts[-1] += f" ({', '.join(named)})"
    return ", ".join(parts) or "no trial yet"


def sparkline(values: Sequence[float], *, width: int = 12, ascii_only: bool = False) -> str:
    """Returns a curve of at most `width` characters, from its own lowest to its own highest value."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    if len(finite) > width:
        finite = [finite[round(i * (len(finite) - 1) / (width - 1))] for i in range(width)]
    blocks = ASCII_BLOCKS if ascii_only else BLOCKS
    low = min(finite) / 2  # halves, so that the span of the largest floats is finite too
    span = max(finite) / 2 - low
    if span == 0:
        return blocks[3] * len(finite)
    return "".join(blocks[round((value / 2 - low) / span * (len(blocks) - 1))] for value in finite)


def _leaf(path: str) -> str:
    return path.rpartition(".")[2]


def _short(value: ParamValue) -> str:
    return f"{value:.3g}" if isinstance(value, float) else override_value(value)
