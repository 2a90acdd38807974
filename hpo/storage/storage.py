"""Where the record lives: Optuna's storages, and the studies in one of them, read.

Writing one is the business of `store`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.trial import FrozenTrial
from sqlalchemy import URL, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from hpo.config.schema import StorageConfig
from hpo.contracts.records import COMPLETE, PRUNED, EpochRecord, StudyRecord, TrialRecord
from hpo.machine.errors import first_line
from hpo.machine.locks import folder_locked
from hpo.machine.paths import is_file
from hpo.storage.checks import check_database
from hpo.storage.enduring import EnduringStorage
from hpo.storage.owner import check_for_record

BEGIN, ATTEMPT, EPOCH, END = "hpo:begin", "hpo:attempt", "hpo:epoch:", "hpo:end"  # system attributes of a trial
STUDY, FINGERPRINT, ELAPSED, TEST = "hpo:study", "hpo:fingerprint", "hpo:elapsed_s", "hpo:test"  # of a study
DISTRIBUTIONS, ENDED, DESIGN = "hpo:distributions", "hpo:ended", "hpo:design"
MOVED = "hpo:moved"  # the record that a study has moved to
TESTS, TESTED = "hpo:tests", "hpo:tested"  # every test there was; the trials whose tests count


def open_storage(config: StorageConfig, *, must_exist: bool = False) -> BaseStorage:
    """Returns the storage that `config` describes, created if it is not there yet.

    Raises:
        ValueError: if its database is another program's, or cannot be used, or must exist and does not.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage: BaseStorage = config.open(must_exist=must_exist)
    return storage


def open_record(config: StorageConfig) -> BaseStorage:
    """Returns the storage of a record that is there already, to be read.

    Raises:
        ValueError: if there is none, or it cannot be read.
    """
    return open_storage(config, must_exist=True)


def study_names(storage: BaseStorage) -> list[str]:
    return sorted(study.study_name for study in storage.get_all_studies())


def read_studies(storage: BaseStorage) -> dict[str, StudyRecord]:
    """Returns the studies by name, those left out that were not made by this package."""
    attrs = {study.study_name: study.system_attrs for study in storage.get_all_studies()}
    return {name: _as_study(attrs[name]) for name in sorted(attrs) if STUDY in attrs[name]}


def read_trial(trial: FrozenTrial) -> TrialRecord:
    """Returns what the record holds of `trial`."""
    attrs = trial.system_attrs
    begin, end = attrs.get(BEGIN, {}), attrs.get(END, {})
    is_finished = trial.state.is_finished()
    state = end.get("state", trial.state.name) if is_finished else trial.state.name
    return TrialRecord(
        number=trial.number,
        state=state,
        params=dict(trial.params),
        value=trial.value if state in (COMPLETE, PRUNED) else None,
        seed=int(begin.get("seed", 0)),
        attempt=int(attrs.get(ATTEMPT, {}).get("attempt", 0)),
        epochs=_read_epochs(attrs),
        started_ms=int(begin.get("started_ms", 0)),
        ended_ms=int(end["ended_ms"]) if is_finished and end else None,
        reason=end.get("reason") if is_finished else None,
        error=end.get("error") if is_finished else None,
        facts=end.get("facts", {}) if is_finished else {},
    )


def _read_epochs(attrs: Mapping[str, Any]) -> tuple[EpochRecord, ...]:
    epochs: list[EpochRecord] = []
    while (noted := attrs.get(f"{EPOCH}{len(epochs) + 1}")) is not None:
        epochs.append(EpochRecord(len(epochs) + 1, noted["metrics"], int(noted["ended_ms"])))
    return tuple(epochs)


def read_study(storage: BaseStorage, name: str) -> tuple[StudyRecord, list[TrialRecord]]:
    """Returns a study and its trials, without being able to change them.

    Raises:
        KeyError: if there is no such study.
        ValueError: if it was not made by this package.
    """
    study_id = storage.get_study_id_from_name(name)
    attrs = storage.get_study_system_attrs(study_id)
    if STUDY not in attrs:
        raise ValueError(f"Study '{name}' was not made by hpo; choose another study.name.")
    trials = [read_trial(trial) for trial in storage.get_all_trials(study_id, deepcopy=False)]
    return _as_study(attrs), trials


def moved_to(storage: BaseStorage, name: str) -> str:
    """Returns the record that a study has moved to; "" while it is here."""
    return str(_read(storage, name, MOVED) or "")


def _as_study(attrs: Mapping[str, Any]) -> StudyRecord:
    return StudyRecord(**{**attrs[STUDY], "test": attrs.get(TEST, {})})


def read_distributions(storage: BaseStorage, name: str) -> dict[str, BaseDistribution]:
    """Returns the space of a study as Optuna's distributions, by config path."""
    stored = _read(storage, name, DISTRIBUTIONS) or {}
    return {path: json_to_distribution(text) for path, text in stored.items()}


def is_ended(storage: BaseStorage, name: str) -> bool:
    """Returns whether the last driver of a study reached its budget."""
    return bool(_read(storage, name, ENDED))


def _read(storage: BaseStorage, name: str, key: str) -> Any:
    return storage.get_study_system_attrs(storage.get_study_id_from_name(name)).get(key)


def read_sqlite(path: str) -> BaseStorage:
    """Returns the storage of the record in a file, to be read.

    Raises:
        ValueError: if there is none, or it cannot be read.
    """
    if not is_file(path) or not Path(path).stat().st_size:
        raise ValueError(f"There is no record at storage.path={path}; go to the folder where the studies ran.")
    try:
        check_database(Path(path), must_exist=True)
        storage = open_sqlite(Path(path))
        storage.get_all_studies()
    except (SQLAlchemyError, RuntimeError, OSError) as error:
        raise ValueError(f"storage.path={path} is no record that can be read: {first_line(error)}.") from error
    return storage


BUSY_S = 60  # what SQLite itself waits for whoever writes


def open_sqlite(path: Path) -> BaseStorage:
    """Returns the storage in a file, created if it is not there yet.

    Raises:
        ValueError: if the file is another program's.
    """
    shown = f"storage.path={path}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with folder_locked(path.parent):
        if path.exists():
            check_for_record(create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool), shown)
        url = URL.create("sqlite", database=str(path.absolute()))  # a name may hold signs that mean something in URLs
        template = url.render_as_string().replace("{", "{{").replace("}", "}}")  # Optuna fills in its version
        storage = RDBStorage(template, engine_kwargs={"connect_args": {"timeout": BUSY_S}})

    @event.listens_for(storage.engine, "connect")
    def _on_connect(connection: Any, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")  # readers and other studies do not block the driver
        connection.execute("PRAGMA synchronous=NORMAL")  # a killed process loses nothing

    storage.engine.dispose()  # connections made before the listener have neither setting
    return EnduringStorage(get_storage(storage), storage.engine, None, shown)
