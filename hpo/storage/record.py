"""The record: opened, and the studies in it, read.

Writing one is the business of `store`; what a storage is made of, that of `sqlite` and `postgres`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from hpo.config.schema import StorageConfig
from hpo.contracts.records import COMPLETE, ORIGIN, PRUNED, EpochRecord, Leg, StudyRecord, TrialRecord
from hpo.storage.damage import check_types, reading
from hpo.storage.piecewise import all_trials

BEGIN, ATTEMPT, EPOCH, END = "hpo:begin", "hpo:attempt", "hpo:epoch:", "hpo:end"  # system attributes of a trial
LEGS, PAUSED = "hpo:legs", "hpo:paused"  # of a trial: its parts; at the end of which of them it stands
STUDY, FINGERPRINT, ELAPSED, TEST = "hpo:study", "hpo:fingerprint", "hpo:elapsed_s", "hpo:test"  # of a study
DISTRIBUTIONS, ENDED, DESIGN = "hpo:distributions", "hpo:ended", "hpo:design"
HONEST = "hpo:honest"  # of a study: what its best is worth
LEARNT = "hpo:learnt"  # trials of earlier studies that the sampler sees
MOVED = "hpo:moved"  # the record that a study has moved to; "" or absent while it is here
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


def study_attrs(storage: BaseStorage) -> dict[str, Mapping[str, Any]]:
    """Returns the system attributes of all studies by name, also of those that are not ours, the oldest first."""
    return {study.study_name: study.system_attrs for study in storage.get_all_studies()}


def study_names(storage: BaseStorage) -> list[str]:
    return sorted(study_attrs(storage))


def n_trials(storage: BaseStorage, name: str) -> int:
    return storage.get_n_trials(storage.get_study_id_from_name(name))


def read_studies(storage: BaseStorage) -> dict[str, StudyRecord]:
    """Returns the studies by name, those left out that were not made by this package."""
    with reading(shown(storage)):
        return {name: as_study(attrs) for name, attrs in sorted(study_attrs(storage).items()) if STUDY in attrs}


def read_trial(trial: FrozenTrial) -> TrialRecord:
    """Returns what the record holds of `trial`."""
    attrs = trial.system_attrs
    begin, end = attrs.get(BEGIN, {}), attrs.get(END, {})
    origin = {"origin": str(attrs[ORIGIN])} if ORIGIN in attrs else {}
    is_finished = trial.state.is_finished()
    legs = read_legs(attrs)
    paused = attrs.get(PAUSED) if is_at_rest(attrs) and not is_finished else None
    state = end.get("state", trial.state.name) if is_finished else trial.state.name
    record = TrialRecord(
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
        facts={**origin, **(end if is_finished else paused or {}).get("facts", {})},
        began_ms=int(attrs.get(ATTEMPT, {}).get("began_ms", 0)),
        legs=legs,
        is_paused=paused is not None,
    )
    check_types(record)
    return record


def read_legs(attrs: Mapping[str, Any]) -> tuple[Leg, ...]:
    """Returns the legs of a trial with these system attributes."""
    return tuple(Leg(*leg) for leg in attrs.get(LEGS, ()))


def is_at_rest(attrs: Mapping[str, Any]) -> bool:
    """Returns whether a trial with these system attributes was paused at the end of its last leg."""
    return PAUSED in attrs and LEGS in attrs and attrs[PAUSED]["turn"] == attrs[LEGS][-1][0]


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
    attrs = storage.get_study_system_attrs(storage.get_study_id_from_name(name))
    if STUDY not in attrs:
        raise ValueError(f"Study '{name}' was not made by hpo; choose another study.name.")
    with reading(shown(storage)):
        study = as_study(attrs)
    return study, read_trials(storage, name)


def read_trials(storage: BaseStorage, name: str) -> list[TrialRecord]:
    study_id = storage.get_study_id_from_name(name)
    with reading(shown(storage)):
        return begun(all_trials(storage, study_id))


def shown(storage: BaseStorage) -> str:
    """Returns the record as it may be shown: "storage.path=hpo.db"."""
    return str(getattr(storage, "shown", "") or "the record")


def begun(trials: Iterable[FrozenTrial]) -> list[TrialRecord]:
    """Returns what the record holds of trials; one that Optuna was asked to try next is none before it begins."""
    return [read_trial(trial) for trial in trials if trial.state is not TrialState.WAITING]


def moved_to(storage: BaseStorage, name: str) -> str:
    """Returns the record that a study has moved to; "" while it is here, or where there is none."""
    return str(study_attrs(storage).get(name, {}).get(MOVED) or "")


def as_study(attrs: Mapping[str, Any]) -> StudyRecord:
    """Returns what the system attributes of a study of ours say of it."""
    study = StudyRecord(**{**attrs[STUDY], "test": attrs.get(TEST, {}), "honest": attrs.get(HONEST) or {}})
    check_types(study)
    return study


def read_distributions(storage: BaseStorage, name: str) -> dict[str, BaseDistribution]:
    """Returns the space of a study as Optuna's distributions, by config path."""
    stored = _read(storage, name, DISTRIBUTIONS) or {}
    with reading(shown(storage)):
        return {path: json_to_distribution(text) for path, text in stored.items()}


def is_ended(storage: BaseStorage, name: str) -> bool:
    """Returns whether the last driver of a study reached its budget."""
    return bool(_read(storage, name, ENDED))


def _read(storage: BaseStorage, name: str, key: str) -> Any:
    return storage.get_study_system_attrs(storage.get_study_id_from_name(name)).get(key)
