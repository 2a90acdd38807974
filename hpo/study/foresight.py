"""Sees the end of a study coming, so that whoever logs its model has loaded what that takes by then.

What is loaded, and where, is the business of `tracking`.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from hpo.config.schema import ModelLog
from hpo.study.role import Role
from hpo.tracking.tracker import Tracker

SOON_S = 12.0  # more than the loading takes on a busy machine


class Foresight:
    """Says once that the model of a study is to be expected."""

    def __init__(self, role: Role, tracker: Tracker) -> None:
        self._tracker = tracker
        self._is_said = role.corpus is None or role.config.model.log is ModelLog.none
        self._began, self._n_before = time.monotonic(), -1

    def look(self, spent: float, *, n_begun: int, n_running: int) -> None:
        """Looks ahead when a trial begins: `spent` is the share of the budget that those begun take."""
        if self._is_said:
            return
        n_ended = n_begun - n_running
        if self._n_before < 0:
            self._n_before = n_ended
        if spent >= 1 or self._left_s(spent, n_begun, n_ended) < SOON_S:
            self._is_said = True
            self._tracker.expect_model()
            threading.Thread(target=_load, name="hpo-foresight", daemon=True).start()

    def _left_s(self, spent: float, n_begun: int, n_ended: int) -> float:
        """Returns how long it takes until all trials have ended, if they end as they did."""
        n_seen = n_ended - self._n_before
        if n_seen <= 0 or spent <= 0:
            return float("inf")
        return (n_begun / spent - n_ended) * (time.monotonic() - self._began) / n_seen


def _load() -> None:
    """Imports what draws the figures of a model."""
    with suppress(Exception):  # it is said when they are drawn
        import matplotlib.backends.backend_agg  # noqa: F401

        import hpo.model.figures  # noqa: F401
