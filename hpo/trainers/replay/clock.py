"""The seconds of each epoch in a table of recorded curves, whatever the table's clock counts.

Which column they are in is said by the card.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hpo.trainers.replay.card import CurveCard
from hpo.trainers.replay.columns import Columns, Floats, Lists

DEFAULT_EPOCH_S = 1.0  # simulated seconds, for tables that know none
CHANCE = 1e-6  # that independent seconds rise in every row
CUMULATIVE = "cumulative"


class Clock:
    """What each epoch of each row took."""

    def __init__(self, path: Path, columns: Columns, card: CurveCard) -> None:
        self._path, self._card = path, card
        self._log_chance, self._rises = 0.0, True
        if isinstance(card.seconds, str):
            is_list = columns.is_list(card.seconds)
            self._seconds = columns.lists(card.seconds) if is_list else columns.numbers(card.seconds)
        else:
            self._seconds = np.full(columns.n_rows, DEFAULT_EPOCH_S if card.seconds is None else card.seconds)

    def of_row(self, row: int, n_epochs: int) -> Floats:
        """Returns the seconds of each epoch of a row; a list may leave out the unusable first entries."""
        first, is_cumulative = self._card.first, self._card.seconds_are == CUMULATIVE
        if not isinstance(self._seconds, Lists):
            return np.full(n_epochs, self._seconds[row] / (n_epochs if is_cumulative else 1))
        seconds = self._seconds.row(row)
        if is_cumulative:
            seconds = np.diff(seconds, prepend=0.0)
        return seconds if len(seconds) == n_epochs else seconds[first : first + n_epochs]

    def check(self, row: int, seconds: Floats, *, n_recorded: int, n_finite: int) -> None:
        """Looks at the seconds of one row.

        Raises:
            ValueError: if one that is needed is missing or negative.
        """
        needed = seconds[:n_finite]
        if len(seconds) >= n_recorded and np.isfinite(needed).all() and (needed >= 0).all():
            self._rises &= bool((np.diff(needed) > 0).all())
            self._log_chance -= math.lgamma(len(needed) + 1)
            return
        if self._card.seconds_are == CUMULATIVE and (needed < 0).any():
            raise ValueError(
                f"{self._path}: '{self._card.seconds}' falls in row {row}, so it does not count seconds since the "
                "beginning; leave seconds_are: cumulative out of the card."
            )
        raise ValueError(
            f"{self._path}: row {row} has no seconds for some of its {n_recorded} epochs; '{self._card.seconds}' needs "
            "a number of at least 0 for each."
        )

    def check_all(self) -> None:
        """Refuses seconds that rise from epoch to epoch in every row that was looked at, as times since a beginning do.

        Raises:
            ValueError: if they do, and the card does not say what they are.
        """
        is_list, is_said = isinstance(self._seconds, Lists), self._card.seconds_are is not None
        if is_list and not is_said and self._rises and self._log_chance < math.log(CHANCE):
            raise ValueError(
                f"{self._path}: '{self._card.seconds}' rises from epoch to epoch in every row, as times since the "
                "beginning do; write seconds_are: cumulative into the card if it is one, seconds_are: each if every "
                "epoch took longer than the one before."
            )
