"""Opens studies: folder, locks, store, facts. What is there was checked in `resume`.

What a study is for, its role says; driving it is `driver`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from optuna.storages import BaseStorage

from hpo.contracts.records import StudyRecord, TrialRecord
from hpo.machine.locks import StudyLock
from hpo.machine.signals import StopRequest
from hpo.storage.enduring import StorageAway, held
from hpo.storage.record import DESIGN, FINGERPRINT, HONEST, STUDY, TEST
from hpo.storage.store import StudyStore
from hpo.study.driver import Driver
from hpo.study.plan import Plan
from hpo.study.role import Role
from hpo.study.search import Search
from hpo.study.surroundings import Surroundings
from hpo.study.trial_cache import TrialCache
from hpo.terminal.display import Display
from hpo.tracking.tracker import Tracker
from hpo.trainers.awd_lstm.encoders.needed import StudyEncoders


@dataclass(frozen=True)
class Session:
    """What all studies of one command share.

    Attributes:
        storage, tracker, stop, cache: As their names say.
        display_of: The display of the study with a name.
        corpora: Folder of the prepared corpus by study name; absent for studies without data.
        design: The registered design; None outside comparisons.
        encoders: The encoders by study name; absent for studies without data.
    """

    storage: BaseStorage
    tracker: Tracker
    stop: StopRequest
    cache: TrialCache
    display_of: Callable[[str], Display]
    corpora: Mapping[str, Path]
    design: Mapping[str, object] | None = None
    encoders: Mapping[str, StudyEncoders] = field(default_factory=dict)


class Opener:
    """Opens the studies of one executor.

    Args:
        session: What all studies of the command share.
        held: Keeps the locks until they may be let go.
        now_ms: The clock the executor's jobs run on.
        n_workers: Retrainings at once.
    """

    def __init__(self, session: Session, held: ExitStack, *, now_ms: Callable[[], int], n_workers: int) -> None:
        self._session = session
        self._held = held
        self._now_ms = now_ms
        self._n_workers = n_workers

    def open_search(self, planned: Plan, folder: Path) -> Driver:
        """Returns the driver of a planned search, new or continued.

        Raises:
            StudyHeld: if another driver works on it.
        """
        session, name = self._session, planned.name
        corpus, encoders = session.corpora.get(name), session.encoders.get(name)
        return self.open(Search(planned, folder, corpus=corpus, encoders=encoders, design=session.design))

    def open_next(self, driver: Driver) -> Driver | None:
        """Returns the driver of what follows a study that is done; None if nothing does."""
        role = driver.role.successor(driver.study, driver.trials, n_workers=self._n_workers)
        return self.open(role) if role is not None else None

    def open(self, role: Role) -> Driver:
        """Returns the driver of a study, new or continued; what may not be continued was refused in `resume`."""
        lock = self._held.enter_context(StudyLock(role.folder, role.name))
        self._held.enter_context(held(self._session.storage, role.name))
        config = role.config
        pruner = config.pruner.build(max_epochs=role.space.max_of("train.epochs", config.train.epochs))
        direction = config.study.goal
        store = StudyStore(self._session.storage, role.name, direction=direction, sampler=role.sampler, pruner=pruner)
        study = _open_record(role, store, now_ms=self._now_ms())
        return Driver(study, role, self._surroundings(role, store, lock))

    def _surroundings(self, role: Role, store: StudyStore, lock: StudyLock) -> Surroundings:
        session, now_ms = self._session, _going_on(self._now_ms, store.trials())
        # A table is as quick as the cache, and it alone knows how a trial that is stopped would have gone on.
        cache = TrialCache(is_on=False) if role.config.trainer.is_recorded else session.cache
        place = role.config.storage.place

        def ensure() -> None:
            if place and not lock.is_in_place:
                raise StorageAway(
                    f"The folder of study '{role.name}', {role.folder}, was deleted or replaced under its driver, "
                    f"which pauses. What was recorded is whole in {place}: the same command goes on from there; "
                    "trials that were under way begin anew, unless the folder is put back first."
                )

        display = session.display_of(role.name)
        return Surroundings(store, session.tracker, display, session.stop, now_ms, ensure, cache)


def _open_record(role: Role, store: StudyStore, *, now_ms: int) -> StudyRecord:
    """Returns the study's facts, written when it is new."""
    if role.design is not None:
        store.set(DESIGN, dict(role.design))
    store.set_space(role.space)
    if store.get(FINGERPRINT) is not None:
        found = {"folder": str(role.folder), "test": store.get(TEST) or {}, "honest": store.get(HONEST) or {}}
        return StudyRecord(**{**store.get(STUDY), **found})
    store.learn_from(role.learns_from)
    study, fingerprint = role.new_record(now_ms=now_ms)
    store.show({"experiment": study.experiment, **study.tags}, metric=study.metric)
    store.set(STUDY, {key: value for key, value in asdict(study).items() if key not in ("test", "honest")})
    store.set(FINGERPRINT, fingerprint)
    return study


def _going_on(now_ms: Callable[[], int], trials: Sequence[TrialRecord]) -> Callable[[], int]:
    """Returns a clock that is never behind the record: a simulated one begins at 0 with every command."""
    ends = [trial.ended_ms or (trial.epochs[-1].ended_ms if trial.epochs else trial.started_ms) for trial in trials]
    behind_ms = max(0, max(ends, default=0) - now_ms())
    return lambda: now_ms() + behind_ms
