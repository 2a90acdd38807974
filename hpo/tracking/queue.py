"""A queue that keeps only the newest item of each uid, so a slow reader never makes it grow.

It knows nothing of what it holds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
_MAX_PAUSE_WHILE_CLOSING_S = 1.0


@dataclass(frozen=True)
class _Waiting(Generic[T]):
    item: T
    due_s: float


class NewestQueue(Generic[T]):
    """Hands the newest item of each uid from many writers to one reader, not before it is due.

    Args:
        max_items: With more waiting, the oldest are dropped; `left` still names them.
    """

    def __init__(self, max_items: int) -> None:
        self._max_items = max_items
        self._changed = threading.Condition()
        self._waiting: dict[str, _Waiting[T]] = {}
        self._dropped: set[str] = set()
        self._taken: str | None = None
        self._is_closing = False
        self._is_abandoned = False

    def put(self, uid: str, item: T, *, delay_s: float = 0.0) -> None:
        """Replaces what waits under `uid`. A waiting item's due time is never put off."""
        with self._changed:
            due_s = time.monotonic() + delay_s
            if uid in self._waiting:
                due_s = min(due_s, self._waiting[uid].due_s)
            self._waiting[uid] = _Waiting(item, due_s)
            self._dropped.discard(uid)
            if len(self._waiting) > self._max_items:
                oldest = next(iter(self._waiting))
                del self._waiting[oldest]
                self._dropped.add(oldest)
            self._changed.notify_all()

    def take(self, pause_s: float = 0.0) -> tuple[str, T] | None:
        """Waits `pause_s`, then for an item that is due; returns None once closed and empty.

        Closing makes all items due at once. The item counts as left until `settle` or `give_back`.
        """
        resume_s = time.monotonic() + pause_s
        with self._changed:
            while not self._is_abandoned:
                if self._is_closing:
                    resume_s = min(resume_s, time.monotonic() + _MAX_PAUSE_WHILE_CLOSING_S)
                uid, ready_s = self._next(resume_s)
                if uid is None and self._is_closing:
                    return None
                wait_s = ready_s - time.monotonic()
                if uid is not None and wait_s <= 0:
                    self._taken = uid
                    return uid, self._waiting.pop(uid).item
                self._changed.wait(wait_s if uid is not None else None)
        return None

    def settle(self, covered: Iterable[str] = ()) -> None:
        """Says that the item taken last needs nothing more, nor do those dropped that it `covered`."""
        with self._changed:
            self._taken = None
            self._dropped.difference_update(covered)
            self._changed.notify_all()

    def give_back(self, uid: str, item: T) -> None:
        """Puts the item taken last behind the others, unless a newer one waits already."""
        with self._changed:
            self._taken = None
            self._waiting.setdefault(uid, _Waiting(item, time.monotonic()))
            self._changed.notify_all()

    def close(self) -> None:
        """Lets the reader end once nothing waits."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()

    def abandon(self) -> set[str]:
        """Makes the reader end now; returns the uids it leaves undone."""
        with self._changed:
            self._is_abandoned = True
            self._changed.notify_all()
        return self.left()

    def left(self) -> set[str]:
        """Returns the uids of what waits, is being worked on, or was dropped."""
        with self._changed:
            return {*self._waiting, *self._dropped, *([self._taken] if self._taken else [])}

    def _next(self, resume_s: float) -> tuple[str | None, float]:
        if not self._waiting:
            return None, resume_s
        uid = min(self._waiting, key=lambda uid: self._waiting[uid].due_s)
        due_s = 0.0 if self._is_closing else self._waiting[uid].due_s
        return uid, max(due_s, resume_s)
