"""Databases that go away and come back, and wires that break after a write and before its answer: real ones."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.trial import TrialState
from sqlalchemy.exc import IntegrityError

import hpo.storage.enduring
import hpo.storage.sqlite
from hpo.machine.locks import StudyHeld
from hpo.machine.signals import Ending, StopRequest
from hpo.storage.enduring import StorageAway, disconnect, held, passing
from hpo.storage.postgres import open_postgres
from hpo.storage.sqlite import open_sqlite
from tests.support.databases import Server, Wire
from tests.support.mortal_storage import facts
from tests.support.studies import SYNTHETIC, run_study

RESOLVED = ("sampler.n_startup_trials=3", "pruner=asha", "study.n_trials=6", "trainer.epoch_s=0.0001", "study.name=x")
COMMAND = (*SYNTHETIC, *RESOLVED)


@contextmanager
def away(postgres: Server, seconds: float, mode: str = "fast") -> Iterator[None]:
    """Stops the server, and starts it again after a while."""
    postgres.stop(mode)
    back = threading.Timer(seconds, postgres.start)
    back.start()
    try:
        yield
    finally:
        back.join()


@pytest.fixture
def storage(database: str) -> Iterator[BaseStorage]:
    storage = open_postgres(database)
    yield storage
    disconnect(storage)


def new_study(storage: BaseStorage) -> int:
    return storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "x")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_every_call_waits_for_the_database(mode: str, postgres: Server, storage: BaseStorage) -> None:
    study = new_study(storage)
    with away(postgres, 1.5, mode):
        first = storage.create_new_trial(study)
    with away(postgres, 1.5, mode):
        storage.set_trial_intermediate_value(first, 1, 0.5)
    with away(postgres, 1.5, mode):
        storage.set_trial_system_attr(first, "a", 1)
    with away(postgres, 1.5, mode):
        assert storage.set_trial_state_values(first, TrialState.COMPLETE, [1.0])
    with away(postgres, 1.5, mode):
        trials = storage.get_all_trials(study)
    assert [(t.state, t.values, t.intermediate_values) for t in trials] == [(TrialState.COMPLETE, [1.0], {1: 0.5})]
    assert trials[0].system_attrs == {"a": 1}


def test_a_database_that_stays_away_is_given_up_in_a_sentence(
    postgres: Server, storage: BaseStorage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    study = new_study(storage)
    monkeypatch.setattr(hpo.storage.enduring, "PATIENCE_S", 3.0)
    postgres.stop()
    try:
        with pytest.raises(StorageAway, match=r"storage.url=.* does not answer \(.*refused.*waited for 3 s; when it"):
            storage.get_all_trials(study)
        began = time.monotonic()
        with pytest.raises(StorageAway):  # once given up, nothing waits again
            storage.set_study_system_attr(study, "a", 1)
        assert time.monotonic() - began < 1
    finally:
        postgres.start()
    told = [
        record.message.partition(" (")[0][-15:] for record in caplog.records if record.name == "hpo.storage.enduring"
    ]
    assert told == ["does not answer"]
    storage.set_study_system_attr(study, "a", 1)


def test_a_file_that_is_locked_is_waited_for_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hpo.storage.sqlite, "BUSY_S", 0.1)
    storage = open_sqlite(tmp_path / "hpo.db")
    study = new_study(storage)
    other = sqlite3.connect(tmp_path / "hpo.db", check_same_thread=False)
    for seconds, patience_s in ((0.7, 60.0), (1.4, 0.5)):
        monkeypatch.setattr(hpo.storage.enduring, "PATIENCE_S", patience_s)
        other.execute("BEGIN EXCLUSIVE")
        ending = threading.Timer(seconds, other.rollback)
        ending.start()
        if seconds < patience_s:
            storage.set_study_system_attr(study, "a", seconds)
        else:
            with pytest.raises(StorageAway, match=r"storage.path=.* does not answer .*database is locked"):
                storage.set_study_system_attr(study, "a", seconds)
        ending.join()
        assert storage.get_study_system_attrs(study) == {"a": 0.7}
    other.close()
    disconnect(storage)


def test_a_signal_ends_the_waiting(postgres: Server, storage: BaseStorage) -> None:
    study = new_study(storage)
    stop = StopRequest()
    hpo.storage.enduring.heed(storage, stop)
    postgres.stop()
    threading.Timer(1.0, setattr, (stop, "signal", 15)).start()
    try:
        began = time.monotonic()
        with pytest.raises(StorageAway):
            storage.get_all_trials(study)
        assert time.monotonic() - began < 5
    finally:
        postgres.start()


def test_other_errors_are_raised_at_once(storage: BaseStorage) -> None:
    began = time.monotonic()
    with pytest.raises(KeyError):
        storage.get_study_id_from_name("nothing")
    trial = storage.create_new_trial(new_study(storage))
    storage.set_trial_state_values(trial, TrialState.COMPLETE, [1.0])
    for state, value in ((TrialState.COMPLETE, 2.0), (TrialState.FAIL, 1.0), (TrialState.COMPLETE, 1.0)):
        with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
            storage.set_trial_state_values(trial, state, [value])
    assert time.monotonic() - began < 5
    assert passing(IntegrityError("x", {}, ValueError("y"))) == ""


@pytest.mark.slow
def test_nothing_is_done_twice_when_answers_are_lost(postgres: Server, database: str, workdir: Path) -> None:
    """Half of the commits are done without their answer arriving: the study is the one of a wire that holds."""
    chance = Random(1)
    wire = Wire(postgres.port, breaks_at=lambda n: n > 40 and chance.random() < 0.5)  # not while tables are made
    broken = database.replace(f":{postgres.port}/", f":{wire.port}/")
    report = run_study("storage=postgres", f"storage.url={broken}", *COMMAND)
    wire.close()
    assert wire.n_broken > 20
    assert facts(report.trials) == facts(run_study(*COMMAND).trials)
    assert report.ending is Ending.BUDGET


def test_a_trial_created_without_an_answer_is_used(postgres: Server, database: str) -> None:
    """Optuna tries again by itself, and would leave a trial RUNNING for ever."""
    breaks: list[bool] = []
    wire = Wire(postgres.port, breaks_at=lambda _: bool(breaks) and breaks.pop())
    storage = open_postgres(database.replace(f":{postgres.port}/", f":{wire.port}/"))
    study = new_study(storage)
    numbers = []
    for is_lost in (False, True, True, False, True, False):
        breaks[:] = [is_lost]
        trial = storage.create_new_trial(study)
        storage.set_trial_system_attr(trial, "hpo:begin", {})
        numbers.append(storage.get_trial_number_from_id(trial))
    assert wire.n_broken == 3
    assert numbers == list(range(6))
    blank = [t.number for t in storage.get_all_trials(study) if not t.system_attrs]
    assert blank in ([], [6])  # what the last try left is the next trial
    wire.close()
    disconnect(storage)


def test_no_write_goes_to_a_study_that_another_driver_took(
    postgres: Server, database: str, storage: BaseStorage
) -> None:
    study, rival = new_study(storage), open_postgres(database)
    with held(storage, "x"):
        postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hpo %'")
        with held(rival, "x"):
            with pytest.raises(StudyHeld):
                storage.set_study_system_attr(study, "a", 1)
            assert storage.get_study_system_attrs(study) == {}
        storage.set_study_system_attr(study, "a", 1)
        with pytest.raises(StudyHeld), held(rival, "x"):
            pass
    disconnect(rival)
