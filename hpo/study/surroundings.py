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
    """What a driver works with and does not own.

    Attributes:
        store, tracker, display, stop, cache: As their names say.
        now_ms: The clock its trials run on.
        ensure: Raises what forbids to go on: the study's folder is gone, and its lock with it.
    """

    store: StudyStore
    tracker: Tracker
    display: Display
    stop: StopRequest
    now_ms: Callable[[], int]
    ensure: Callable[[], None] = lambda: None
    cache: TrialCache = field(default_factory=lambda: TrialCache(is_on=False))
