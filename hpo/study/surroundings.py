"""What a driver works with and does not own.

Plain data; `opening` fills it in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hpo.machine.signals import StopRequest
from hpo.storage.store import StudyStore
from hpo.study.trial_cache import TrialCache
from hpo.terminal.display import Display
from hpo.tracking.tracker import Tracker


@dataclass(frozen=True)
class Surroundings:
    """What a driver works with and does not own; `now_ms` is the clock its trials run on."""

    store: StudyStore
    tracker: Tracker
    display: Display
    stop: StopRequest
    now_ms: Callable[[], int]
    cache: TrialCache = field(default_factory=lambda: TrialCache(is_on=False))
