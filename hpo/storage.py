"""Where the record lives: Optuna's storages, and a study in one of them.

`StudyStore` is the only writer; it keeps beside Optuna's own fields what they have no place for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, InMemoryStorage, get_storage
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from hpo.config import MemoryConfig, PostgresConfig, SqliteConfig, StorageConfig
from hpo.history import OrderedHistory
from hpo.places import check_database, is_file
from hpo.pruners import PrunerView
from hpo.record import COMPLETE, PRUNED, EpochRecord, StudyRecord, TrialRecord
from hpo.samplers import REASON
from hpo.space import Space
from hpo.sqlite import open_sqlite
from hpo.trainer import EpochReport, Reason

BEGIN, ATTEMPT, EPOCH, END = "hpo:begin", "hpo:attempt", "hpo:epoch:", "hpo:end"  # system attributes of a trial
INFEASIBLE = "constraints:memory"  # Optuna's own name for a constraint that Trial.set_constraint sets
STUDY, FINGERPRINT, ELAPSED, TEST = "hpo:study", "hpo:fingerprint", "hpo:elapsed_s", "hpo:test"  # of a study
DISTRIBUTIONS, ENDED, DESIGN = "hpo:distributions", "hpo:ended", "hpo:design"
MOVED = "hpo:moved"  # the record that a study has moved to
TESTS, TESTED = "hpo:tests", "hpo:tested"  # every test there was; the trials whose tests count

Direction = Literal["minimize", "maximize"]
Json = Any  # whatever json.dumps takes
Now = Callable[[], int]
"""Returns milliseconds since 1970, UTC."""


def open_storage(config: StorageConfig) -> BaseStorage:
    """Returns the storage that `config` describes, created if it is not there yet.

    Raises:
        ValueError: if its database is another program's, or cannot be used.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    match config:
        case MemoryConfig():
            return InMemoryStorage()
        case SqliteConfig():
            return open_sqlite(Path(config.path))
        case PostgresConfig():
            from hpo.postgres import open_postgres

            return open_postgres(config.url)
    raise ValueError(f"storage={type(config).__name__} is not one of sqlite, postgres, memory.")


def open_record(config: StorageConfig) -> BaseStorage:
    """Returns the storage of a record that is there already, to be read.

    Raises:
        ValueError: if there is none, or it cannot be read.
    """
    match config:
        case PostgresConfig():
            from hpo.postgres import open_postgres

            return open_postgres(config.url, must_exist=True)
        case SqliteConfig() if is_file(config.path) and Path(config.path).stat().st_size:
            try:
                check_database(Path(config.path))
                storage = open_storage(config)
                storage.get_all_studies()
            except (SQLAlchemyError, RuntimeError, OSError, ValueError) as error:
                reason = str(error).splitlines()[0].rstrip(".")
                raise ValueError(f"storage.path={config.path} is no record that can be read: {reason}.") from error
            return storage
        case SqliteConfig():
            raise ValueError(
                f"There is no record at storage.path={config.path}; go to the folder where the studies ran."
            )
    raise ValueError("storage=memory is gone when its command ends; give storage.path=… of a record on disk.")


def study_names(storage: BaseStorage) -> list[str]:
    return sorted(study.study_name for study in storage.get_all_studies())


def read_studies(storage: BaseStorage) -> dict[str, StudyRecord]:
    """Returns the studies by name, those left out that were not made by this package."""
    attrs = {study.study_name: study.system_attrs for study in storage.get_all_studies()}
    return {name: _as_study(attrs[name]) for name in sorted(attrs) if STUDY in attrs[name]}


class StudyStore:
    """One study: asks, adopts, notes epochs and ends of trials; reads them back as records."""

    def __init__(
        self, storage: BaseStorage, name: str, *, direction: Direction, sampler: BaseSampler, pruner: BasePruner
    ) -> None:
        self._history = OrderedHistory(get_storage(storage))
        self._study = optuna.create_study(
            storage=self._history,  # type: ignore[arg-type]  # duck-typed: see its docstring
            study_name=name,
            direction=direction,
            sampler=sampler,
            pruner=pruner,
            load_if_exists=True,
        )
        self._storage = self._study._storage
        self._pruner = pruner
        self._frozen = {trial.number: trial for trial in self._all()}

    def ask(self, space: Space, *, seed_of: Callable[[int], int], now: Now, horizon: int | None = None) -> TrialRecord:
        """Returns a new trial, RUNNING, its params proposed by the sampler from trials up to `horizon`.

        A grid must have a cell left: see `CellSampler.n_left`.
        """
        with self._history.seen_from(horizon):
            return self._begin(self._study.ask(), space, seed_of=seed_of, now=now)

    def adopt(
        self, number: int, space: Space, *, seed_of: Callable[[int], int], now: Now, horizon: int | None = None
    ) -> TrialRecord:
        """Returns the RUNNING trial `number` of an earlier driver, its missing params sampled."""
        with self._history.seen_from(horizon):
            trial = Trial(self._study, self._frozen[number]._trial_id)
            return self._begin(trial, space, seed_of=seed_of, now=now)

    def _begin(self, trial: Trial, space: Space, *, seed_of: Callable[[int], int], now: Now) -> TrialRecord:
        space.suggest(trial)
        if BEGIN not in self._storage.get_trial_system_attrs(trial._trial_id):
            begin = {"started_ms": now(), "seed": seed_of(trial.number)}
            self._storage.set_trial_system_attr(trial._trial_id, BEGIN, begin)
        return self._refresh(trial.number, trial._trial_id)

    def begin_attempt(self, number: int, *, n_crashes: int, n_ooms: int) -> TrialRecord:
        """Counts one more try at trial `number`; `n_crashes` killed their worker, `n_ooms` lacked memory."""
        trial = self._frozen[number]
        attempt = int(trial.system_attrs.get(ATTEMPT, {}).get("attempt", 0)) + 1
        noted = {"attempt": attempt, "n_crashes": n_crashes, "n_ooms": n_ooms}
        self._storage.set_trial_system_attr(trial._trial_id, ATTEMPT, noted)
        return self._refresh(number, trial._trial_id)

    def count(self, number: int, key: str) -> int:
        """Returns what `begin_attempt` noted last of trial `number` as `key`."""
        return int(self._frozen[number].system_attrs.get(ATTEMPT, {}).get(key, 0))

    def add_epoch(
        self, number: int, report: EpochReport, value: float, *, compared: Callable[[FrozenTrial], bool], now: Now
    ) -> tuple[TrialRecord, bool]:
        """Notes an epoch and asks the pruner; returns the trial and whether to stop it.

        The decision and the pruner's notes go into one write, so that an epoch reported again by
        a resumed trial gets the answer it got before.
        """
        trial = self._frozen[number]
        noted = trial.system_attrs.get(f"{EPOCH}{report.epoch}")
        if noted is None:
            view = PrunerView(self._study, lambda t: t.number == number or compared(t))
            stop = view.decide(self._pruner, trial, epoch=report.epoch, value=value)
            noted = {"metrics": dict(report.metrics), "ended_ms": now(), "stop": stop, "notes": view.noted}
            self._storage.set_trial_system_attr(trial._trial_id, f"{EPOCH}{report.epoch}", noted)
        for key, note in noted["notes"].items():
            if key not in trial.system_attrs:
                self._storage.set_trial_system_attr(trial._trial_id, key, note)
        if report.epoch not in trial.intermediate_values:
            self._storage.set_trial_intermediate_value(trial._trial_id, report.epoch, value)
        return self._refresh(number, trial._trial_id), bool(noted["stop"])

    def note_end(self, number: int, end: Mapping[str, Json]) -> TrialRecord:
        """Notes how trial `number` ended: state, value, ended_ms, reason, error, facts. Not yet told."""
        trial = self._frozen[number]
        self._storage.set_trial_system_attr(trial._trial_id, END, dict(end))
        return self._refresh(number, trial._trial_id)

    def has_end(self, number: int) -> bool:
        return END in self._frozen[number].system_attrs

    def tell(self, number: int) -> TrialRecord:
        """Ends trial `number` as noted by `note_end`.

        Optuna is told of a trial that lacked memory as PRUNED, its params being infeasible: samplers learn to
        avoid them although no value is invented, whereas a FAIL teaches them nothing. The record says FAIL.
        """
        trial = self._frozen[number]
        end = trial.system_attrs[END]
        shown = {"epochs": len(trial.intermediate_values), REASON: end["reason"], **end["facts"]}
        for key, value in shown.items():
            if value is not None:
                self._storage.set_trial_user_attr(trial._trial_id, key, value)
        values = [end["value"]] if end["state"] == COMPLETE else None
        state = TrialState[end["state"]]
        if end["reason"] == Reason.OOM.value:
            self._storage.set_trial_system_attr(trial._trial_id, INFEASIBLE, 1.0)
            state = TrialState.PRUNED
        self._study.tell(number, values, state=state)
        return self._refresh(number, trial._trial_id)

    def trials(self) -> list[TrialRecord]:
        return [self._as_record(trial) for _, trial in sorted(self._frozen.items())]

    def frozen(self) -> list[FrozenTrial]:
        return [trial for _, trial in sorted(self._frozen.items())]

    def get(self, key: str) -> Any:
        """Returns a system attribute of the study, or None."""
        return self._storage.get_study_system_attrs(self._study._study_id).get(key)

    def set(self, key: str, value: Json) -> None:
        self._storage.set_study_system_attr(self._study._study_id, key, value)

    def set_space(self, space: Space) -> None:
        """Notes the space, for those who draw it; a grid's may have grown."""
        self.set(DISTRIBUTIONS, {path: distribution_to_json(d) for path, d in space.distributions().items()})

    def show(self, tags: Mapping[str, str]) -> None:
        """Writes `tags` where people see them: Optuna's user attributes of the study."""
        for key, value in tags.items():
            self._study.set_user_attr(key, value)

    def _all(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _refresh(self, number: int, trial_id: int) -> TrialRecord:
        self._frozen[number] = self._storage.get_trial(trial_id)
        return self._as_record(self._frozen[number])

    def _as_record(self, trial: FrozenTrial) -> TrialRecord:
        return read_trial(trial)


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
