"""One command's work on one study: prepare, open, drive, test, close.

The order matters: whatever can be refused is refused before anything is created on disk.
"""

from __future__ import annotations

import logging
import platform
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from types import FrameType

from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from sqlalchemy.exc import SQLAlchemyError

from hpo import __version__
from hpo.config import AwdLstmConfig, Config, MemoryConfig, MlflowConfig, SqliteConfig
from hpo.corpus import open_corpus, prepare
from hpo.display import Display
from hpo.executors import build_executor
from hpo.fingerprint import check_fingerprint, fingerprint
from hpo.lock import StudyLock
from hpo.mlflow_client import mask_secrets
from hpo.plan import Plan
from hpo.pruners import build_pruner
from hpo.record import StudyRecord, TrialRecord
from hpo.samplers import build_sampler
from hpo.stop import Ending, StopRequest
from hpo.storage import ENDED, FINGERPRINT, STUDY, TEST, StudyStore, open_storage, studies_folder
from hpo.study import Driver, Surroundings
from hpo.tracking import build_tracker


@dataclass(frozen=True)
class Report:
    """What a session leaves to say."""

    study: StudyRecord
    trials: list[TrialRecord]
    ending: Ending
    signal: int | None
    n_unmirrored: int


class Refused(Exception):
    """The data or the study cannot be used as they are; the sentence says why."""


def run(planned: Plan, display: Display) -> Report:
    """Drives the planned study to its budget, or until a signal comes.

    Raises:
        Refused: if the data or the study cannot be used as they are.
        StudyHeld: if another driver works on the study.
    """
    config = planned.config
    folder = _study_folder(planned)
    lock = StudyLock(folder, planned.name)
    with _refusing(config):
        tracker = build_tracker(config.tracking, planned.space.distributions())
        lock.check()
        corpus = _prepare(config, display)
        storage = open_storage(config.storage)
    with ExitStack() as held:
        with _refusing(config):
            held.enter_context(lock)
            store, sampler = _open_store(planned, storage)
            study = _open_study(planned, store, corpus, folder)
        stop = held.enter_context(_signals())
        held.enter_context(_notes(display))
        executor = build_executor(config.executor, config.trainer)
        around = Surroundings(store, sampler, executor, tracker, display, stop, _now_ms)
        driver = Driver(config, study, planned.space, corpus=corpus, around=around)
        ending = _drive(driver, around, with_test=config.study.test)
        trials = [trial for _, trial in sorted(driver.trials.items())]
        tracker.finish(driver.study, trials, folder, is_finished=ending is not Ending.INTERRUPTED)
        timeout_s = config.tracking.flush_timeout_s if isinstance(config.tracking, MlflowConfig) else 0.0
        return Report(driver.study, trials, ending, stop.signal, tracker.close(timeout_s))


def _drive(driver: Driver, around: Surroundings, *, with_test: bool) -> Ending:
    around.store.set(ENDED, False)
    try:
        ending = driver.run()
        if ending is not Ending.INTERRUPTED and with_test:
            driver.test_best()
    finally:
        around.executor.close()
    around.store.set(ENDED, ending is not Ending.INTERRUPTED)
    return ending


def _study_folder(planned: Plan) -> Path:
    """Returns the study's folder; one of its own each time when the record is kept in memory."""
    studies = studies_folder(planned.config.storage).absolute()
    is_kept = not isinstance(planned.config.storage, MemoryConfig)
    return studies / (planned.name if is_kept else f"{planned.name}-{uuid.uuid4().hex[:8]}")


@contextmanager
def _refusing(config: Config) -> Iterator[None]:
    """Turns what set-up raises for bad input into a refusal; bugs in driving stay visible as such."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise Refused(str(error)) from error
    except (SQLAlchemyError, RuntimeError) as error:
        if not isinstance(config.storage, SqliteConfig):
            raise
        reason = str(error).splitlines()[0].rstrip(".")
        raise Refused(f"storage.path={config.storage.path} cannot hold the record: {reason}.") from error


@contextmanager
def _notes(display: Display) -> Iterator[None]:
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


def _open_store(planned: Plan, storage: BaseStorage) -> tuple[StudyStore, BaseSampler]:
    config = planned.config
    sampler = build_sampler(config.sampler, planned.space, config.seed)
    pruner = build_pruner(config.pruner, max_epochs=planned.space.max_of("train.epochs", config.train.epochs))
    direction = config.study.metric.direction
    return StudyStore(storage, planned.name, direction=direction, sampler=sampler, pruner=pruner), sampler


def _prepare(config: Config, display: Display) -> Path | None:
    if not isinstance(config.trainer, AwdLstmConfig):
        return None
    return prepare(config.data, on_progress=display.preparing)


def _open_study(planned: Plan, store: StudyStore, corpus: Path | None, folder: Path) -> StudyRecord:
    """Returns the study's facts, written when it is new, checked when it is not."""
    opened = open_corpus(corpus) if corpus else None
    given = fingerprint(
        planned.config, planned.space, opened.fingerprint if opened else "", n_workers=planned.n_workers
    )
    stored = store.get(FINGERPRINT)
    if stored is not None:
        check_fingerprint(planned.name, stored, given)
        store.set_space(planned.space)
        return StudyRecord(**{**store.get(STUDY), "folder": str(folder), "test": store.get(TEST) or {}})
    if store.trials():
        raise ValueError(f"Study '{planned.name}' was not made by hpo; choose another study.name.")
    facts = {str(key): value for key, value in opened.facts.items()} if opened else {}
    study = _new_study(planned, facts, given, folder)
    store.show(study.tags)
    store.set_space(planned.space)
    store.set(STUDY, {key: value for key, value in asdict(study).items() if key != "test"})
    store.set(FINGERPRINT, given)
    return study


def _new_study(
    planned: Plan, facts: Mapping[str, str | int | float], given: Mapping[str, str], folder: Path
) -> StudyRecord:
    config, choices = _masked(planned.config), planned.choices
    tracking = config.tracking
    experiment = tracking.experiment if isinstance(tracking, MlflowConfig) else None
    tags = {group: choices[group] for group in ("sampler", "pruner", "space", "trainer")}
    tags |= {
        "seed": str(config.seed),
        "data": str(facts.get("name", "none")),
        "data_fingerprint": given.get("data", "none"),
        "git_commit": _git_commit(),
        "host": socket.gethostname(),
        "hpo_version": __version__,
        "python": platform.python_version(),
    }
    return StudyRecord(
        name=planned.name,
        uid=uuid.uuid4().hex,
        experiment=experiment or planned.subject,
        metric=config.study.metric.name,
        direction=config.study.metric.direction,
        tags=tags,
        config=_plain(asdict(config)),
        space=_plain(asdict(config.space)),
        corpus=facts,
        folder=str(folder),
        created_ms=_now_ms(),
    )


def _masked(config: Config) -> Config:
    """Returns `config` without the password that its tracking URI may hold."""
    if not isinstance(config.tracking, MlflowConfig):
        return config
    return replace(
        config, tracking=replace(config.tracking, uri=mask_secrets(config.tracking.uri, config.tracking.uri))
    )


def _plain(node: dict[str, object]) -> dict[str, object]:
    """Returns `node` with enums as their names, ready for JSON."""
    return {key: _plain_value(value) for key, value in node.items()}


def _plain_value(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain_value(inner) for key, inner in value.items() if inner is not None or key == "name"}
    if isinstance(value, list | tuple):
        return [_plain_value(inner) for inner in value]
    return value.name if isinstance(value, Enum) else value


def _git_commit() -> str:
    """Returns the commit of the working directory's repository, or "none"."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return "none"
    return found or "none"


@contextmanager
def _signals() -> Iterator[StopRequest]:
    """Turns the first SIGINT, SIGTERM or SIGHUP into a request to stop; a second one ends at once."""
    stop = StopRequest()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def on_signal(number: int, _: FrameType | None) -> None:
        stop.signal = number
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
