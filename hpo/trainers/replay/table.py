"""Tables of recorded learning curves: a Parquet file with its card, checked and ready to be looked up.

What a trainer or a sampler does with a curve is their business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.config.search import ParamValue
from hpo.machine.files import hash_bytes
from hpo.space.cube import Axis, Cube
from hpo.trainers.replay.card import CardParam, CurveCard, read_card
from hpo.trainers.replay.clock import Clock
from hpo.trainers.replay.columns import Columns, Floats, Lists

Rows = NDArray[np.int64]
Stamp = tuple[int, int] | None


@dataclass(frozen=True)
class Curve:
    """One recorded training.

    Attributes:
        row: The table's row it is from.
        metrics: Each metric after every epoch, shape (n_epochs,).
        seconds: What each epoch took, shape (n_epochs,).
        n_finite: Epochs before the first one at which a metric is not finite; n_epochs if there is none.
        test: Each test metric, after every epoch or, shape (1,), after the last.
    """

    row: int
    metrics: Mapping[str, Floats]
    seconds: Floats
    n_finite: int
    test: Mapping[str, Floats]

    @property
    def n_epochs(self) -> int:
        return len(self.seconds)

    def test_after(self, n_epochs: int) -> dict[str, float]:
        """Returns the test metrics after `n_epochs` epochs, those that were recorded."""
        found: dict[str, float] = {}
        for name, values in self.test.items():
            is_last = n_epochs == self.n_epochs
            index = n_epochs - 1 if len(values) > 1 else 0 if is_last else -1
            if 0 <= index < len(values) and np.isfinite(values[index]):
                found[name] = float(values[index])
        return found


class CurveTable:
    """Recorded curves by configuration.

    Attributes:
        name: The file's name without its suffix.
        card: What the columns mean.
        sha256: Of the table's content and the card's.
        axes: The params, and the range or the choices of each.
        configurations: The params that were recorded, in the order of their first rows.
        n_skipped: Rows without a curve, left out.
        n_epochs: Length of the longest curve.
    """

    def __init__(self, path: Path, columns: Columns, card: CurveCard, sha256: str) -> None:
        self.name, self.card, self.sha256 = path.stem, card, sha256
        self._path = path
        self._metrics = {metric: columns.lists(column) for metric, column in card.metrics.items()}
        self._lengths = np.min([lists.lengths for lists in self._metrics.values()], axis=0) - card.first
        self._test = {name: _lists_or_numbers(columns, column) for name, column in card.test.items()}
        self._clock = Clock(path, columns, card)
        kept = np.flatnonzero(self._lengths > 0)
        self.n_skipped = columns.n_rows - len(kept)
        if not len(kept):
            raise ValueError(f"{path}: no row has a curve with an entry at index first={card.first} or beyond.")
        self.n_epochs = int(self._lengths.max())
        params = {name: _read_param(path, name, param, columns, kept) for name, param in card.params.items()}
        self.axes = tuple(axis for axis, _ in params.values())
        rows = {int(row): {name: values[i] for name, (_, values) in params.items()} for i, row in enumerate(kept)}
        self._seeds = columns.values(card.seed) if card.seed else [None] * columns.n_rows
        self.configurations, self._rows = _group(path, rows, self._seeds, self.axes)
        self._cube = Cube(self.axes, self.configurations)
        self._check_seconds()

    @property
    def n_recordings(self) -> int:
        """How many curves there are, those of one configuration with several seeds counted each."""
        return sum(len(rows) for rows in self._rows)

    def find(self, params: Mapping[str, ParamValue]) -> tuple[int, float]:
        """Returns the index of the recorded configuration for `params`, and its distance in the unit cube.

        Raises:
            ValueError: if none matches and the card wants an exact match.
        """
        index = self._cube.find(params)
        if index is not None:
            return index, 0.0
        if self.card.matching == "exact":
            given = ", ".join(f"{axis.name}={params[axis.name]!r}" for axis in self.axes)
            raise ValueError(f"{self._path} has no configuration with {given}; its card asks for an exact match.")
        return self._cube.nearest(params)

    def curve(self, index: int, *, seed: int) -> Curve:
        """Returns a recording of configuration `index`: that of `seed` if there is one, else one chosen by it."""
        rows = self._rows[index]
        recorded = [row for row in rows if self._seeds[row] == seed]
        return self._curve(recorded[0] if recorded else rows[seed % len(rows)])

    def _curve(self, row: int) -> Curve:
        n_epochs = int(self._lengths[row])
        metrics = {name: self._cut(lists, row, n_epochs) for name, lists in self._metrics.items()}
        is_finite = np.all([np.isfinite(values) for values in metrics.values()], axis=0)
        n_finite = n_epochs if is_finite.all() else int(is_finite.argmin())
        test = {name: self._cut_test(found, row, n_epochs) for name, found in self._test.items()}
        return Curve(row, metrics, self._clock.of_row(row, n_epochs), n_finite, test)

    def _cut(self, lists: Lists, row: int, n_epochs: int) -> Floats:
        return lists.row(row)[self.card.first : self.card.first + n_epochs]

    def _cut_test(self, found: Lists | Floats, row: int, n_epochs: int) -> Floats:
        return self._cut(found, row, n_epochs) if isinstance(found, Lists) else found[row : row + 1]

    def _check_seconds(self) -> None:
        for rows in self._rows:
            for row in rows:
                curve = self._curve(row)
                self._clock.check(row, curve.seconds, n_recorded=int(self._lengths[row]), n_finite=curve.n_finite)
        self._clock.check_all()


def read_table(given: str, *, card: str | None = None, sha256: str | None = None) -> CurveTable:
    """Returns the table at the path `given`, read once per process; as of the settings of the trainer.

    Raises:
        ValueError: in one sentence, if it or its card cannot be used, or is not the table that was asked for.
    """
    path = Path(given).absolute()
    card_path = Path(card).absolute() if card else path.with_suffix(".yaml")
    table = _read(path, card_path, _stamp(path), _stamp(card_path))
    if sha256 not in (None, table.sha256):
        raise ValueError(
            f"trainer.path={given} is not the table it was: its sha256 with the card's is {table.sha256}, "
            f"trainer.sha256={sha256}."
        )
    return table


@lru_cache(maxsize=64)
def _read(path: Path, card_path: Path, *_stamps: Stamp) -> CurveTable:
    """Reads a table and its card once, as long as their stamps are what they were."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"trainer.path={path} cannot be read: {error.strerror}.") from error
    card = read_card(card_path)
    sha256 = hash_bytes(f"{hash_bytes(content)} {hash_bytes(card_path.read_bytes())}".encode())
    return CurveTable(path, Columns(path, content), card, sha256)


def _stamp(path: Path) -> Stamp:
    """Returns what changes when the file does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _lists_or_numbers(columns: Columns, name: str) -> Lists | Floats:
    return columns.lists(name) if columns.is_list(name) else columns.numbers(name)


def _read_param(path: Path, name: str, param: CardParam, columns: Columns, kept: Rows) -> tuple[Axis, list[ParamValue]]:
    """Returns the axis of a param and its value in each of the rows `kept`."""
    found = columns.values(name)
    values = [found[row] for row in kept]
    kind = param.type or _kind(values)
    if kind == "categorical":
        if param.log or param.low is not None or param.high is not None:
            raise ValueError(
                f"{path}: column '{name}' holds no numbers, so params.{name} is categorical and has neither low, high "
                "nor log; leave them out of the card."
            )
        if any(value != value for value in values):
            raise ValueError(f"{path}: column '{name}' has nan where params.{name} needs a value.")
        choices = param.choices or tuple(sorted(set(values), key=_sortable))
        axis = Axis(name, choices=choices)
        for value in values:
            try:
                axis.place(value)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from error
        return axis, [choices[round(axis.place(value))] for value in values]
    numbers = [_number(path, name, value, kind) for value in values]
    low = min(numbers) if param.low is None else param.low
    high = max(numbers) if param.high is None else param.high
    if kind == "int" and (low != int(low) or high != int(high)):
        raise ValueError(f"{path}: params.{name} is int with a range from {low:g} to {high:g}; give whole numbers.")
    if param.log and low <= 0:
        raise ValueError(f"{path}: params.{name} is on a log scale but goes down to {low:g}; set log: false.")
    outside = next((number for number in numbers if not low <= number <= high), None)
    if outside is not None:
        raise ValueError(f"{path}: column '{name}' has {outside:g}, outside the card's {low:g} to {high:g}; widen it.")
    return Axis(name, type(numbers[0])(low), type(numbers[0])(high), param.log), list(numbers)


def _kind(values: Sequence[ParamValue]) -> str:
    """Returns what a param is by its values; a number that is missing does not make the others choices."""
    kinds = {type(value) for value in values if value is not None}
    return "int" if kinds == {int} else "float" if kinds and kinds <= {int, float} else "categorical"


def _number(path: Path, name: str, value: ParamValue, kind: str) -> float:
    """Returns a value of a numeric param as a float or an int."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{path}: column '{name}' has {value!r} where params.{name} needs a finite number.")
    if kind == "int" and value != int(value):
        raise ValueError(f"{path}: column '{name}' has {value:g}, but params.{name} is int; make it float.")
    return int(value) if kind == "int" else float(value)


def _group(
    path: Path, rows: Mapping[int, dict[str, ParamValue]], seeds: Sequence[ParamValue], axes: Sequence[Axis]
) -> tuple[tuple[dict[str, ParamValue], ...], tuple[tuple[int, ...], ...]]:
    """Returns the different configurations, and the rows of each in the order of their seeds."""
    places: dict[tuple[float, ...], list[int]] = {}
    for row, params in rows.items():
        places.setdefault(tuple(_exact(axis, params) for axis in axes), []).append(row)
    for same in places.values():
        first = {seeds[row]: row for row in reversed(same)}
        double = next((row for row in same if first[seeds[row]] != row), None)
        if double is not None:
            original, is_seeded = first[seeds[double]], seeds[double] is not None
            advice = "" if is_seeded else ", or name the column that tells recordings apart in the card (seed: COLUMN)"
            what = "params and seed" if is_seeded else "params"
            raise ValueError(f"{path}: rows {original} and {double} have the same {what}; leave one out{advice}.")
    ordered = tuple(tuple(sorted(same, key=lambda row: _sortable(seeds[row]))) for same in places.values())
    return tuple(rows[same[0]] for same in places.values()), ordered


def _sortable(value: ParamValue) -> tuple[str, ParamValue]:
    return (type(value).__name__, value if value is not None else 0)


def _exact(axis: Axis, params: Mapping[str, ParamValue]) -> float:
    value = params[axis.name]
    return axis.place(value) if axis.choices is not None else float(value or 0)
