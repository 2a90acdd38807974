"""How params, values, durations and curves are written as text.

Pure functions from data to strings; where a text goes is decided by `display` and `summary`.
"""

from __future__ import annotations

import math
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from hpo.record import COMPLETE, FAIL, PRUNED, RUNNING, Budget, TrialRecord
from hpo.trainer import ParamValue

STATE_WORDS = {RUNNING: "running", COMPLETE: "complete", PRUNED: "pruned", FAIL: "failed"}
LONG_WORD = 200
BLOCKS, ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*#@"


def format_params(params: Mapping[str, ParamValue]) -> str:
    """Returns params for reading: `drop_mult=0.31 lr=0.0123`; the section only where a name is used twice."""
    names = Counter(_leaf(path) for path in params)
    return " ".join(
        f"{_leaf(path) if names[_leaf(path)] == 1 else path}={_short(value)}" for path, value in params.items()
    )


def override_line(params: Mapping[str, ParamValue]) -> str:
    """Returns params for pasting behind `python -m hpo` in a shell, every digit kept."""
    return " ".join(shlex.quote(f"{path}={override_value(value)}") for path, value in params.items())


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


def format_budget(budget: Budget) -> str:
    """Returns the limits of a study, whichever comes first."""
    limits = [
        "" if budget.n_trials is None else f"{budget.n_trials} trials",
        "" if budget.timeout_s is None else format_duration(budget.timeout_s),
        "" if budget.n_epochs is None else f"{budget.n_epochs} epochs",
    ]
    return " or ".join(limit for limit in limits if limit) or "no limit"


def format_counts(trials: Iterable[TrialRecord], *, running: str = "running") -> str:
    """Returns how many trials are in which state: `2 running, 7 complete, 3 failed (2 diverged, 1 oom)`.

    Args:
        trials: Any number of them.
        running: What RUNNING is called; while no driver is at work it is not "running".
    """
    trials = list(trials)
    counts = Counter(trial.state for trial in trials)
    words = STATE_WORDS | {RUNNING: running}
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


def last_line(text: str) -> str:
    """Returns what an error or a traceback ends with."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return printable(lines[-1]) if lines else ""


def printable(text: str) -> str:
    """Returns `text` as one line that cannot steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def as_line(sentence: str) -> str:
    """Returns `sentence` as one line that cannot steer a terminal and repeats no endless word."""
    words = (word if len(word) <= LONG_WORD else f"{word[:120]}…{word[-40:]}" for word in sentence.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(words))


def _leaf(path: str) -> str:
    return path.rpartition(".")[2]


def _short(value: ParamValue) -> str:
    return f"{value:.3g}" if isinstance(value, float) else override_value(value)


def override_value(value: ParamValue) -> str:
    """Returns `value` as Hydra reads it back."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            return value if _is_plain(value) else "'" + _escaped(value) + "'"
    return repr(value)


def _is_plain(text: str) -> bool:
    """Returns whether Hydra reads `text` back as this very text without quotes."""
    is_word = re.fullmatch(r"(?:[A-Za-z_]|\.{0,2}/)[A-Za-z0-9_./:@+-]*", text) is not None  # words, paths, addresses
    return is_word and text.lower() not in {"null", "true", "false", "nan", "inf"}


def _escaped(text: str) -> str:
    """Returns `text` for single quotes in Hydra's grammar: backslashes count only before a quote."""
    return re.sub(r"(\\*)('|$)", lambda m: m[1] * 2 + ("\\'" if m[2] else ""), text)
