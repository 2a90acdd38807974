"""Which trials of a study have been tested, and what came of it.

The test part is read by the trainers alone; each trial is tested once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.contracts.records import TrialRecord
from hpo.storage.record import TEST, TESTED, TESTS
from hpo.storage.store import StudyStore

Metrics = Mapping[str, float]


class StudyTests:
    """The tests of one study, kept in its record."""

    def __init__(self, store: StudyStore) -> None:
        self._store = store
        self._done: dict[str, dict[str, float]] = dict(store.get(TESTS) or {})
        self._out: set[int] = set()
        self._given_up: set[int] = set()
        self._n_lost: Counter[int] = Counter()

    def left(self, wanted: Sequence[int]) -> list[int]:
        """Returns which of the trials `wanted` are not tested yet."""
        return [number for number in wanted if str(number) not in self._done and number not in self._given_up]

    def take(self, wanted: Sequence[int]) -> int | None:
        """Returns a trial to test now, which counts as under way from here on."""
        number = next((number for number in self.left(wanted) if number not in self._out), None)
        if number is not None:
            self._out.add(number)
        return number

    def is_out(self, number: int) -> bool:
        return number in self._out

    def note(self, number: int, metrics: Metrics) -> None:
        self._out.discard(number)
        self._done[str(number)] = dict(metrics)
        self._store.set(TESTS, self._done)

    def of(self, number: int) -> Metrics:
        """Returns what the test of a trial came to; {} while there is none."""
        return dict(self._done.get(str(number), {}))

    def put_back(self, number: int) -> int:
        """Lets a trial whose test was lost with its worker be tested again; returns how many tests of it were."""
        self._out.discard(number)
        self._n_lost[number] += 1
        return self._n_lost[number]

    def give_up(self, number: int) -> None:
        self._out.discard(number)
        self._given_up.add(number)

    def summary(self, wanted: Sequence[int], *, best: TrialRecord | None) -> dict[str, float]:
        """Returns the means over the tested trials and the number of the best of them; {} if none was tested."""
        tested = [self._done[str(number)] for number in wanted if str(number) in self._done]
        if not tested or best is None:
            return {}
        means = {
            key: sum(metrics[key] for metrics in tested) / len(tested)
            for key in tested[0]
            if all(key in metrics for metrics in tested)
        }
        return {"trial": float(best.number), **means}

    def close(self, wanted: Sequence[int], summary: Metrics) -> None:
        """Notes which tests count and what is to be shown of them together; earlier ones stay in the record."""
        self._store.set(TESTED, [number for number in wanted if str(number) in self._done])
        self._store.set(TEST, dict(summary))


def counted_tests(attrs: Mapping[str, Any]) -> dict[str, Metrics]:
    """Returns the test metrics that count, by trial number, from the system attributes of a study.

    A study that went on after its tests may have tested trials that something better has replaced.
    """
    tests: dict[str, Metrics] = attrs.get(TESTS) or {}
    counted = attrs.get(TESTED)
    return {number: tests[number] for number in tests if counted is None or int(number) in counted}
