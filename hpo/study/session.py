"""One command's work on its studies: open, drive, test, confirm, audit, close what `preparation` has prepared.

The order matters: whatever can be refused is refused before anything is created on disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hpo.contracts.executor import Executor, NoWorkers
from hpo.contracts.records import StudyRecord, TrialRecord
from hpo.machine.files import lack_of_room
from hpo.machine.remote import RemoteAway
from hpo.machine.signals import Ending, StopRequest, stop_on_signals
from hpo.storage.damage import Damaged
from hpo.storage.enduring import StorageAway, disconnect, heed
from hpo.study.audit import audit_name
from hpo.study.confirmation import confirmation_name
from hpo.study.driver import Driver
from hpo.study.encoders import train_encoders
from hpo.study.keep_model import keep_model
from hpo.study.loop import Loop
from hpo.study.opening import Opener, Session
from hpo.study.plan import Plan
from hpo.study.preparation import Prepared, prepare_all
from hpo.study.refusal import refusing
from hpo.study.trial_cache import TrialCache
from hpo.terminal.display import Announcer, Display
from hpo.tracking.writer import REFUSED_FILE

HURRY_S = 2.0  # what MLflow gets of the time that is left after a signal


@dataclass(frozen=True)
class Report:
    """What a session leaves to say of one study.

    Attributes:
        study, trials: The search.
        ending: Why it is over.
        signal: What interrupted the command, if anything did.
        obstacle: What has to be mended before the study goes on: a sentence, "" while there is nothing.
        n_unmirrored: Runs of the command that MLflow is not known to show completely.
        refusals: Files that say which of them MLflow refuses.
        confirmed, audited: A sentence on its confirmation and on its audit, each "" while there is none that is done.
    """

    study: StudyRecord
    trials: list[TrialRecord]
    ending: Ending
    signal: int | None
    obstacle: str
    n_unmirrored: int
    refusals: tuple[str, ...] = ()
    confirmed: str = ""
    audited: str = ""


@dataclass(frozen=True)
class Course:
    """In which order studies are driven.

    Attributes:
        steps: Studies side by side; a step begins when the one before is done.
        goes_on: Whether there is a next step; asked when a step is done.
        turns: Seeds; a study of a later one gets the workers that those of earlier ones leave. () for no order.
    """

    steps: Sequence[Sequence[Plan]]
    goes_on: Callable[[], bool] = lambda: True
    turns: Sequence[int] = ()


def run(planned: Plan, display: Display) -> Report:
    """Drives the planned study to its budget, or until a signal comes.

    Raises:
        Refused: if the data or the study cannot be used as they are.
        StudyHeld: if another driver works on the study.
    """
    report = drive_all(prepare_all([planned], display), display, display_of=lambda _: display)[0]
    for sentence in filter(None, (report.confirmed, report.audited)):
        display.note(sentence)
    return report


def drive_all(
    prepared: Prepared,
    display: Announcer,
    *,
    display_of: Callable[[str], Display],
    is_cached: bool = False,
    design: Mapping[str, object] | None = None,
    course: Course | None = None,
) -> list[Report]:
    """Drives all prepared studies side by side over one executor, that of the first plan.

    Args:
        prepared: The studies.
        display: Shows what is worth a line.
        display_of: Returns the display of the study with a name.
        is_cached: Whether equal trials of several studies are trained once.
        design: What was registered, to keep with each study; None outside comparisons.
        course: Which of them are driven in turn; None for all at once.

    Raises:
        Refused: if a study cannot be used as it is.
        StudyHeld: if another driver works on one of the studies.
    """
    folders, config = prepared.folders, prepared.plans[0].config
    course = course or Course([prepared.plans])
    storage, tracker = prepared.storage, prepared.tracker
    cache = TrialCache(is_on=is_cached)
    with stop_on_signals() as stop, _notes(display):
        heed(storage, stop)
        common = Session(storage, tracker, stop, cache, display_of, prepared.corpora, design, prepared.encoders)
        ended: list[tuple[_Lifecycle, list[Driver]]] = []
        for step in course.steps:
            if ended and (stop.is_set or not course.goes_on()):
                break
            for group in [step] if config.executor.is_shared else [[planned] for planned in step]:
                is_next = not (ended and stop.is_set)
                ended += _run_group(group, common, folders, turns=course.turns) if is_next else []
        if stop.obstacle:
            display.note(stop.obstacle)
        timeout_s = config.tracking.flush_timeout_s
        n_unmirrored = tracker.close(timeout_s if stop.signal is None else min(timeout_s, HURRY_S))
        disconnect(storage)
    return [
        lifecycle.report(driver, stop, n_unmirrored=n_unmirrored) for lifecycle, drivers in ended for driver in drivers
    ]


def _run_group(
    plans: Sequence[Plan], session: Session, folders: Mapping[str, Path], *, turns: Sequence[int]
) -> list[tuple[_Lifecycle, list[Driver]]]:
    """Drives studies side by side over one executor; returns their drivers and who knows how they ended."""
    config = plans[0].config
    with ExitStack() as held:
        with refusing(config.storage):
            executor: Executor = config.executor.build(config.trainer, session.stop)
        held.callback(executor.close)  # also when a study is refused
        train_encoders(plans, session, executor, folders)
        opener = Opener(session, held, now_ms=executor.now_ms, n_workers=executor.n_workers)
        with refusing(config.storage):
            drivers = [opener.open_search(planned, folders[planned.name]) for planned in plans]
        lifecycle = _Lifecycle(opener, session)
        lifecycle.begin(drivers)
        note = session.display_of(plans[0].name).note
        loop = Loop(drivers, executor, stop=session.stop, successor=lifecycle.succeed, note=note, turns=turns)
        try:
            loop.run()
        except Exception as error:
            session.stop.obstacle = (
                str(error) if isinstance(error, StorageAway | RemoteAway | NoWorkers | Damaged) else lack_of_room(error)
            )
            if not session.stop.obstacle:
                raise
        finally:
            executor.close()
        lifecycle.end(loop.drivers.values())
        return [(lifecycle, drivers)]


class _Lifecycle:
    """What happens around the driving of each search: its beginning, its end, its confirmation, then its audit."""

    def __init__(self, opener: Opener, session: Session) -> None:
        self._opener = opener
        self._tracker = session.tracker
        self._display_of = session.display_of
        self._finished: dict[str, Driver] = {}

    def begin(self, drivers: Sequence[Driver]) -> None:
        for driver in drivers:
            driver.set_ended(False)
            if not driver.is_done:
                driver.note_honest({})

    def succeed(self, driver: Driver) -> Driver | None:
        """Ends a study that is done; returns the driver of what follows it, if anything is to."""
        self._finish(driver, is_finished=True)
        successor = self._opener.open_next(driver)
        if successor is not None:
            successor.set_ended(False)
        return successor

    def end(self, drivers: Iterable[Driver]) -> None:
        """Ends the studies that were interrupted."""
        for driver in drivers:
            if driver.study.name not in self._finished:
                self._finish(driver, is_finished=False)

    def report(self, driver: Driver, stop: StopRequest, *, n_unmirrored: int) -> Report:
        """Returns what is left to say of a search."""
        name = driver.study.name
        unfinished = Ending.PAUSED if stop.obstacle else Ending.INTERRUPTED
        ending = driver.ending if name in self._finished else unfinished
        folder = driver.study.folder
        files = [Path(path) / REFUSED_FILE for path in (folder, confirmation_name(folder), audit_name(folder))]
        return Report(
            driver.study,
            driver.trials,
            ending,
            stop.signal,
            stop.obstacle,
            n_unmirrored,
            refusals=tuple(str(path) for path in files if path.exists()),
            confirmed=self._sum_up(confirmation_name(name)),
            audited=self._sum_up(audit_name(name)),
        )

    def _sum_up(self, name: str) -> str:
        """Returns a sentence on a study beside a search; "" while there is none that is done."""
        beside = self._finished.get(name)
        return beside.role.sum_up(beside.study, beside.trials) if beside else ""

    def _note_honest(self, driver: Driver) -> None:
        """Notes what the best of the search is worth, once the study that says it is done."""
        if honest := driver.role.honest(driver.study, driver.trials):
            self._finished.get(driver.role.chooses_for, driver).note_honest(honest)

    def _finish(self, driver: Driver, *, is_finished: bool) -> None:
        if is_finished:
            self._finished[driver.study.name] = driver
            driver.set_ended(True)
            self._note_honest(driver)
            self._display_of(driver.study.name).study_ended(driver.study)
        search = self._finished.get(driver.role.chooses_for, driver)
        keep_model(driver, search, is_finished=is_finished)
        for ended in [driver, search] if is_finished and search is not driver else [driver]:
            self._tracker.finish(ended.study, ended.trials, Path(ended.study.folder), is_finished=is_finished)


@contextmanager
def _notes(display: Announcer) -> Iterator[None]:
    """Shows what the package logs on the display instead of in between its lines."""

    class ToDisplay(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            display.note(record.getMessage())

    logger, handler = logging.getLogger("hpo"), ToDisplay(level=logging.INFO)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
