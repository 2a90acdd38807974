"""The queue between a fast writer and a slow reader."""

from __future__ import annotations

import threading
import time

from hpo.tracking.queue import NewestQueue


def test_only_the_newest_item_of_a_uid_waits() -> None:
    queue: NewestQueue[int] = NewestQueue(10)
    for number in range(1000):
        queue.put("a", number)
    assert queue.take() == ("a", 999)
    queue.settle()
    assert queue.left() == set()


def test_what_is_taken_counts_as_left_until_settled() -> None:
    queue: NewestQueue[int] = NewestQueue(10)
    queue.put("a", 1)
    queue.take()
    assert queue.left() == {"a"}
    queue.put("a", 2)
    queue.give_back("a", 1)
    assert queue.take() == ("a", 2)


def test_the_oldest_is_dropped_but_still_named() -> None:
    queue: NewestQueue[int] = NewestQueue(2)
    for number, uid in enumerate("abc"):
        queue.put(uid, number)
    assert queue.left() == {"a", "b", "c"}
    assert queue.take() == ("b", 1)
    queue.settle(covered=["a"])
    assert queue.left() == {"c"}


def test_an_item_waits_until_it_is_due_and_newer_ones_do_not_put_it_off() -> None:
    queue: NewestQueue[int] = NewestQueue(2)
    started_s = time.monotonic()
    queue.put("a", 1, delay_s=0.2)
    queue.put("a", 2, delay_s=60)
    assert queue.take() == ("a", 2)
    assert 0.2 <= time.monotonic() - started_s < 30


def test_items_come_in_the_order_they_are_due() -> None:
    queue: NewestQueue[int] = NewestQueue(3)
    queue.put("later", 1, delay_s=60)
    queue.put("now", 2)
    assert queue.take() == ("now", 2)


def test_closing_makes_all_due_and_ends_the_reader() -> None:
    queue: NewestQueue[int] = NewestQueue(2)
    queue.put("a", 1, delay_s=60)
    queue.close()
    assert queue.take() == ("a", 1)
    assert queue.take() is None


def test_abandoning_frees_a_waiting_reader() -> None:
    queue: NewestQueue[int] = NewestQueue(2)
    queue.put("a", 1, delay_s=60)
    taken: list[object] = []
    reader = threading.Thread(target=lambda: taken.append(queue.take(pause_s=60)))
    reader.start()
    assert queue.abandon() == {"a"}
    reader.join(30)
    assert taken == [None]
