"""Turns other people's recorded curves into a table and its card: files of one row an epoch, or of lists.

Curves of one's own trials are the business of `recorder`, reading the table again that of `table`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hpo.config.metric import KNOWN, Direction
from hpo.config.search import ParamValue
from hpo.data.tabular import Reading, open_tabular
from hpo.space.space import canonical
from hpo.trainers.replay.recorder import Recording, describe_param, write_recording
from hpo.trainers.replay.table import read_table

EPOCH = ("epoch", "epochs", "step", "iteration", "training_iteration", "iter", "budget", "fidelity", "resource")
SECONDS = ("seconds", "time", "time_s", "runtime", "duration", "elapsed", "elapsed_s", "time_total_s", "cost")
SEED = ("seed", "random_state", "rng")
TRIAL = ("trial", "trial_id", "config_id", "configuration", "config", "id", "run", "run_id", "model_id")
Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """Which columns mean what; None is left to their usual names.

    Attributes:
        metrics: The column of each metric; {}: those that are called as metrics are.
        direction: Which values are better, where that is not known of the metrics.
        epoch, seconds, seed, trial: Columns; a trial is one curve.
        params: Columns; None: all others.
        seconds_are: "each" or "cumulative".
    """

    metrics: Mapping[str, str] = field(default_factory=dict)
    direction: str | None = None
    epoch: str | None = None
    seconds: str | None = None
    seed: str | None = None
    trial: str | None = None
    params: Sequence[str] | None = None
    seconds_are: str | None = None


def convert(source: Path, path: Path, asked: Asked) -> Recording:
    """Writes the curves in the file `source` as a table to `path`, and its card beside it.

    A row is an epoch, its values numbers; or a configuration, its values lists.

    Raises:
        ValueError: in one sentence, if the file cannot be read, is no table of curves, or would make none.
    """
    shown = f"from={source}"
    rows = list(_rows(source, shown))
    if not rows:
        raise ValueError(f"{shown} has no rows; a row is an epoch, or a configuration with lists.")
    recording = _recorded(rows, asked, shown)
    title = f"Curves in {source.name}, written by hpo curves; log: true is for params that are searched on a log scale."
    with TemporaryDirectory(prefix="hpo-curves-") as folder:
        tried = Path(folder) / path.name
        write_recording(recording, tried, title=title)
        try:
            read_table(str(tried))
        except ValueError as error:
            raise ValueError(str(error).replace(str(tried), shown).replace(folder, "")) from error
    write_recording(recording, path, title=title)
    return recording


def _rows(source: Path, shown: str) -> Iterator[Row]:
    if not source.is_file():
        raise ValueError(f"{shown} does not exist; give a file of curves: CSV, TSV, JSON or Parquet.")
    with open_tabular(source, Reading(prefix="", wanted=(*EPOCH, *SECONDS, *SEED, *TRIAL)), shown=shown) as tabular:
        for _, values in tabular.rows(range(len(tabular.names))):
            yield dict(zip(tabular.names, values, strict=True))


def _recorded(rows: Sequence[Row], asked: Asked, shown: str) -> Recording:
    names = list(dict.fromkeys(name for row in rows for name in row))
    metrics = dict(asked.metrics) or {name: name for name in names if name in KNOWN}
    if not metrics:
        raise ValueError(f"{shown} has no column called {', '.join(KNOWN)}; say metrics=NAME:COLUMN of {_some(names)}.")
    find = _finder(names, shown)
    find("metrics", None, (), *metrics.values())
    epoch, seconds = find("epoch", asked.epoch, EPOCH), find("seconds", asked.seconds, SECONDS)
    seed, trial = find("seed", asked.seed, SEED), find("trial", asked.trial, TRIAL)
    told = {*metrics.values(), epoch, seconds, seed, trial}
    params = list(asked.params) if asked.params is not None else [name for name in names if name not in told]
    find("params", None, (), *params)
    if not params:
        raise ValueError(f"{shown} has no column left for params; it has {_some(names)}.")
    lists = [*metrics.values(), *([seconds] if seconds else [])]
    if not isinstance(rows[0].get(lists[0]), list):
        if epoch is None:
            raise ValueError(f"{shown} has no column of epochs; say epoch=COLUMN of {_some(names)}.")
        rows = _gathered(rows, lists, epoch, [name for name in (trial, seed) if name] or [], params, shown)
    columns: dict[str, list[Any]] = {name: _typed([row.get(name) for row in rows]) for name in params}
    columns |= {name: [_numbers(row.get(name), name, shown) for row in rows] for name in lists}
    columns |= {seed: _typed([row.get(seed) for row in rows])} if seed else {}
    card = {
        "params": {name: describe_param(name, columns[name], []) for name in params},
        "metrics": metrics,
        "direction": {metric: _direction(metric, asked.direction) for metric in metrics},
        **({"seconds": seconds} if seconds else {}),
        **({"seconds_are": asked.seconds_are} if seconds and asked.seconds_are else {}),
        **({"seed": seed} if seed else {}),
        "matching": "exact",
        "fidelity": {"name": "epochs"},
    }
    different = {canonical({name: columns[name][i] for name in params}) for i in range(len(rows))}
    return Recording(columns, card, len(different), {})


def _finder(names: Sequence[str], shown: str) -> Callable[..., str | None]:
    """Returns what finds a column: the one that was given, or the only one with a usual name."""

    def find(setting: str, given: str | None, usual: Sequence[str], *more: str) -> str | None:
        for name in [*([given] if given else []), *more]:
            if name not in names:
                raise ValueError(f"{shown} has no column {name!r} ({setting}=…); it has {_some(names)}.")
        found = [name for name in names if name.casefold() in usual]
        if given is None and len(found) > 1:
            raise ValueError(
                f"{shown} has several columns for {setting}: {', '.join(found)}; say {setting}={found[0]}."
            )
        return given or next(iter(found), None)

    return find


def _gathered(
    rows: Sequence[Row], lists: Sequence[str], epoch: str, keys: Sequence[str], params: Sequence[str], shown: str
) -> list[Row]:
    """Returns a row for each curve, its epochs in order: those with equal params, seed and trial are one."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(canonical({name: str(row.get(name)) for name in (*keys, *params)}), []).append(row)
    first = min(_epoch(row, epoch, shown) for row in rows)
    gathered = []
    for group in groups.values():
        group.sort(key=lambda row: _epoch(row, epoch, shown))
        for place, row in enumerate(group, start=first):
            if (found := _epoch(row, epoch, shown)) != place:
                which = ", ".join(f"{name}={row.get(name)}" for name in (*keys, *params))
                wrong = "twice" if found < place else f"behind {place - 1}, with nothing between"
                raise ValueError(
                    f"{shown}: the curve of {which} has {epoch} {found} {wrong}; a curve has every epoch once, and "
                    "trial=COLUMN or seed=COLUMN tells several of equal params apart."
                )
        gathered.append({**group[0], **{name: [row.get(name) for row in group] for name in lists}})
    return gathered


def _epoch(row: Row, column: str, shown: str) -> int:
    number = _number(row.get(column))
    if number is None or not number.is_integer():
        raise ValueError(f"{shown}: {column} {row.get(column)!r} is not a whole number; epochs are counted.")
    return int(number)


def _numbers(values: object, column: str, shown: str) -> list[float]:
    """Returns a list of numbers; what is missing is NaN: the training diverged there."""
    if not isinstance(values, list):
        raise ValueError(f"{shown}: {column} has {values!r} where others have a list.")
    numbers = [math.nan if value in (None, "") else _number(value) for value in values]
    if None in numbers:
        raise ValueError(f"{shown}: {column} has {values[numbers.index(None)]!r}, which is no number.")
    return [number for number in numbers if number is not None]


def _number(value: object) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)  # type: ignore[arg-type]  # what fails is no number
    except (TypeError, ValueError):
        return None


def _typed(values: Sequence[Any]) -> list[ParamValue]:
    """Returns the values of a column in one type: whole numbers, numbers, or as they are."""
    numbers = [_number(value) for value in values]
    if any(number is None or not math.isfinite(number) for number in numbers):
        return list(values)
    floats = [number for number in numbers if number is not None]
    return [int(n) for n in floats] if all(n.is_integer() and abs(n) < 2**53 for n in floats) else list(floats)


def _direction(metric: str, given: str | None) -> str:
    if metric in KNOWN:
        return KNOWN[metric].value
    if given not in tuple(Direction):
        raise ValueError(
            f"direction={given or ''} does not say which values of {metric} are better; give minimize or maximize."
        )
    return given


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
