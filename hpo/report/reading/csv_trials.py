"""Rows of a CSV file as trials: every field checked, what has no value charged as a failure.

Which rows make one study and one experiment is decided in `csv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.config.search import ParamValue
from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING
from hpo.report.analysis.records import Trial
from hpo.report.reading.csv_rows import PARAM, TrialRow
from hpo.report.reading.csv_words import DIVERGED, read_number, read_params, read_state, read_whole

LARGEST = 1e100  # numbers beyond it count as infinite: penalties, whose squares and sums no float can hold
Place = tuple[str, str, int]
"""Task, strategy and seed of a study."""


@dataclass(frozen=True)
class ReadTrial:
    """A trial, the study it belongs to, and whether a COMPLETE one without a value was made a failed one."""

    place: Place
    trial: Trial
    is_imputed: bool


def read_trials(rows: Sequence[TrialRow]) -> list[ReadTrial]:
    """Returns a trial for each row.

    Raises:
        ValueError: for a field that cannot be read, or two rows for one trial.
    """
    params = _params(rows)
    read = [_read_row(row, own) for row, own in zip(rows, params, strict=True)]
    seen: dict[tuple[Place, int], TrialRow] = {}
    for row, each in zip(rows, read, strict=True):
        first = seen.setdefault((each.place, each.trial.number), row)
        if first is not row:
            task, strategy, seed = each.place
            trial = f"trial {each.trial.number} of task {task}, strategy {strategy}, seed {seed}"
            raise ValueError(f"{row.place} and {first.place} are both {trial}; a trial has one row.")
    return read


def _params(rows: Sequence[TrialRow]) -> list[dict[str, ParamValue]]:
    """Returns each row's params, every column in one type."""
    columns = list(dict.fromkeys(column for row in rows for column in row.texts if column.startswith(PARAM)))
    found: list[dict[str, ParamValue]] = [{} for _ in rows]
    for column in columns:
        for own, value in zip(found, read_params([row[column] for row in rows]), strict=True):
            if value is not None:
                own[column.removeprefix(PARAM)] = value
    return found


def _read_row(row: TrialRow, params: Mapping[str, ParamValue]) -> ReadTrial:
    for column in ("task", "strategy"):
        if not row[column]:
            raise ValueError(f"{row.place}: {column} is empty; every trial belongs to one.")
    try:
        state, reason = read_state(row["state"])
    except ValueError as error:
        raise ValueError(f"{row.place}: {error}.") from error
    value = _number(row, "value")
    is_imputed = state == COMPLETE and not math.isfinite(value)
    if is_imputed:
        state, reason = FAIL, "diverged" if row["value"] else "no value"
    if state in (FAIL, RUNNING) or not math.isfinite(value):
        value = math.nan
    seconds, ended_s = _spent(row, "seconds", 0.0), _spent(row, "ended_s", math.nan)
    test = _number(row, "test")
    trial = Trial(
        number=_whole(row, "trial"),
        state=state,
        value=None if math.isnan(value) else value,
        epochs=_spent(row, "epochs", 1.0),
        seconds=seconds,
        ended_s=None if math.isnan(ended_s) else ended_s,
        params=params,
        test=test if math.isfinite(test) else None,
        reason=(row["reason"] or reason or "unknown") if state == FAIL else None,
        continued=_continued(row) if state == PRUNED else None,
    )
    return ReadTrial((row["task"], row["strategy"], _whole(row, "seed")), trial, is_imputed)


def _continued(row: TrialRow) -> float | None:
    """Returns what a pruned trial would have come to: infinity if it diverges, None where nothing is said."""
    if row["continued"].casefold() == DIVERGED:
        return math.inf
    value = _number(row, "continued")
    return None if math.isnan(value) else math.inf if math.isinf(value) else value


def _number(row: TrialRow, column: str) -> float:
    """Returns the number in a column, infinite if it is too large to compute with; NaN where none is written."""
    try:
        number = read_number(row[column])
    except ValueError as error:
        raise ValueError(
            f"{row.place}: {column} {row[column]!r} is not a number; write decimals with a point, "
            "and nothing where there is no value."
        ) from error
    return math.copysign(math.inf, number) if abs(number) > LARGEST else number


def _whole(row: TrialRow, column: str) -> int:
    try:
        number = read_whole(row[column])
    except ValueError as error:
        raise ValueError(f"{row.place}: {column} {row[column]!r} is not a whole number.") from error
    if number < 0:
        raise ValueError(f"{row.place}: {column} {row[column]} is negative; count from 0.")
    return number


def _spent(row: TrialRow, column: str, unknown: float) -> float:
    """Returns what was spent: finite and at least 0; `unknown` where the field is empty."""
    number = _number(row, column)
    if math.isnan(number):
        return unknown
    if number < 0 or math.isinf(number):
        raise ValueError(f"{row.place}: {column} {row[column]} must be a finite number of at least 0.")
    return number
