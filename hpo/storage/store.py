"""One study in a storage, written: asked trials, epochs, ends.

`StudyStore` is the only writer; it keeps beside Optuna's own fields what they have no place for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import astuple
from typing import Any

import optuna
from optuna.distributions import distribution_to_json, json_to_distribution
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from hpo.config.schema import Direction
from hpo.contracts.records import COMPLETE, REASON, Leg, TrialRecord
from hpo.contracts.trainer import EpochReport, Reason
from hpo.space.space import Space
from hpo.storage.learnt import as_trials, copy_trials
from hpo.storage.record import (
    ATTEMPT,
    BEGIN,
    DISTRIBUTIONS,
    END,
    EPOCH,
    LEARNT,
    LEGS,
    PAUSED,
    begun,
    read_legs,
    read_trial,
)
from hpo.storage.transaction import NumberTaken
from hpo.storage.views import StudyView

PAUSED_AT = "paused_at"  # user attribute of a trial: the epoch after which it waits; None while it does not
INFEASIBLE = "constraints:memory"  # Optuna's own name for a constraint that Trial.set_constraint sets
METRICS = "study:metric_names"  # likewise, for what Study.set_metric_names sets

Json = Any  # whatever json.dumps takes
Now = Callable[[], int]
"""Returns milliseconds since 1970, UTC."""


class StudyStore:
    """One study: asks, adopts, notes epochs and ends of trials; reads them back as records."""

    def __init__(
        self, storage: BaseStorage, name: str, *, direction: Direction, sampler: BaseSampler, pruner: BasePruner
    ) -> None:
        optuna.create_study(
            storage=storage, study_name=name, direction=StudyDirection[direction.upper()], load_if_exists=True
        )
        self._study_id = storage.get_study_id_from_name(name)
        self._storage = StudyView(storage, self._study_id)
        self._study = optuna.load_study(storage=self._storage, study_name=name, sampler=sampler, pruner=pruner)
        self._show_learnt()

    def ask(self, space: Space, *, seed_of: Callable[[int], int], now: Now, horizon: int | None = None) -> TrialRecord:
        """Returns a new trial, RUNNING, its params proposed by the sampler from results up to turn `horizon`.

        A grid must have a cell left: see `CellSampler.n_left`.
        """
        while True:
            try:
                with self._storage.up_to(horizon), self._storage.together():
                    number = self._begin(self._study.ask(), space, seed_of=seed_of, now=now)
                return self._record(number)
            except NumberTaken:  # by a trial that somebody had tried next
                continue

    def adopt(
        self, number: int, space: Space, *, seed_of: Callable[[int], int], now: Now, horizon: int | None = None
    ) -> TrialRecord:
        """Returns the RUNNING trial `number` of an earlier driver, its missing params sampled."""
        with self._storage.up_to(horizon), self._storage.together():
            self._begin(Trial(self._study, self._id(number)), space, seed_of=seed_of, now=now)
        return self._record(number)

    def _begin(self, trial: Trial, space: Space, *, seed_of: Callable[[int], int], now: Now) -> int:
        space.suggest(trial)
        if BEGIN not in self._storage.get_trial_system_attrs(self._id(trial.number)):
            self._note(trial.number, BEGIN, {"started_ms": now(), "seed": seed_of(trial.number)})
        return trial.number

    def begin_leg(self, number: int, leg: Leg) -> TrialRecord:
        """Notes that trial `number` goes on to the end of `leg`: its first, or one that it is promoted to."""
        legs = [*read_legs(self._trial(number).system_attrs), leg]
        with self._storage.together():
            self._note(number, LEGS, [astuple(leg) for leg in legs])
            if len(legs) > 1:
                self._storage.set_trial_user_attr(self._id(number), PAUSED_AT, None)
        return self._record(number)

    def pause(self, number: int, facts: Mapping[str, str]) -> TrialRecord:
        """Notes that trial `number` waits at the end of its last leg, and what is known of how it was trained."""
        leg = read_legs(self._trial(number).system_attrs)[-1]
        with self._storage.together():
            self._storage.set_trial_user_attr(self._id(number), PAUSED_AT, leg.until)
            self._note(number, PAUSED, {"turn": leg.turn, "facts": dict(facts)})
        return self._record(number)

    def begin_attempt(self, number: int, *, n_crashes: int, n_ooms: int, now: Now) -> TrialRecord:
        """Counts one more try at trial `number`; `n_crashes` killed their worker, `n_ooms` lacked memory."""
        attempt = self.count(number, "attempt") + 1
        noted = {"attempt": attempt, "n_crashes": n_crashes, "n_ooms": n_ooms, "began_ms": now()}
        with self._storage.together():
            self._note(number, ATTEMPT, noted)
        return self._record(number)

    def count(self, number: int, key: str) -> int:
        """Returns what `begin_attempt` noted last of trial `number` as `key`."""
        return int(self._trial(number).system_attrs.get(ATTEMPT, {}).get(key, 0))

    def add_epoch(
        self,
        number: int,
        report: EpochReport,
        value: float,
        *,
        compared: Callable[[FrozenTrial], bool],
        now: Now,
        is_last: bool = False,
    ) -> tuple[TrialRecord, bool]:
        """Notes an epoch and asks the pruner; returns the trial and whether to stop it.

        After its last epoch a trial is complete, whatever the pruner says of it to those it is compared with.

        The decision and the pruner's notes go into one write, so that an epoch reported again by
        a resumed trial gets the answer it got before.
        """
        trial = self._trial(number)
        noted = trial.system_attrs.get(f"{EPOCH}{report.epoch}")
        if noted is None:
            seen = copy(trial)
            seen.intermediate_values = {**trial.intermediate_values, report.epoch: value}
            with self._storage.among(lambda other: other.number == number or compared(other)) as notes:
                stop = bool(self._study.pruner.prune(self._study, seen)) and not is_last  # numpy's bool is not JSON's
            noted = {"metrics": dict(report.metrics), "ended_ms": now(), "stop": stop, "notes": notes}
        with self._storage.together():
            if report.epoch not in trial.intermediate_values:  # first: what is noted is done
                self._storage.set_trial_intermediate_value(self._id(number), report.epoch, value)
            if f"{EPOCH}{report.epoch}" not in trial.system_attrs:
                self._note(number, f"{EPOCH}{report.epoch}", noted)
            for key, note in noted["notes"].items():
                if key not in trial.system_attrs:
                    self._note(number, key, note)
        return self._record(number), bool(noted["stop"])

    def note_end(self, number: int, end: Mapping[str, Json]) -> TrialRecord:
        """Notes how trial `number` ended: state, value, ended_ms, reason, error, facts. Not yet told."""
        with self._storage.together():
            self._note(number, END, dict(end))
        return self._record(number)

    def has_end(self, number: int) -> bool:
        return END in self._trial(number).system_attrs

    def tell(self, number: int) -> TrialRecord:
        """Ends trial `number` as noted by `note_end`.

        Optuna is told of a trial that lacked memory as PRUNED, its params being infeasible: samplers learn to
        avoid them although no value is invented, whereas a FAIL teaches them nothing. The record says FAIL.
        """
        trial = self._trial(number)
        end = trial.system_attrs[END]
        shown = {"epochs": len(trial.intermediate_values), REASON: end["reason"], **end["facts"]}
        values = [end["value"]] if end["state"] == COMPLETE else None
        state = TrialState.PRUNED if end["reason"] == Reason.OOM.value else TrialState[end["state"]]
        with self._storage.together():
            for key, value in shown.items():
                if value is not None:
                    self._storage.set_trial_user_attr(self._id(number), key, value)
            if end["reason"] == Reason.OOM.value:
                self._note(number, INFEASIBLE, 1.0)
            self._study.tell(number, values, state=state)
        return self._record(number)

    def trials(self) -> list[TrialRecord]:
        return begun(self.frozen())

    def frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def get(self, key: str) -> Any:
        """Returns a system attribute of the study, or None."""
        return self._storage.get_study_system_attrs(self._study_id).get(key)

    def set(self, key: str, value: Json) -> None:
        self._storage.set_study_system_attr(self._study_id, key, value)

    def set_space(self, space: Space) -> None:
        """Notes the space, for those who draw it; a grid's may have grown."""
        self.set(DISTRIBUTIONS, {path: distribution_to_json(d) for path, d in space.distributions().items()})

    def learn_from(self, studies: Sequence[str]) -> None:
        """Copies the trials of earlier studies, once, for the sampler to see; the space must be noted before."""
        if studies:
            self.set(LEARNT, copy_trials(self._storage, studies))
            self._show_learnt()

    def _show_learnt(self) -> None:
        attrs = self._storage.get_study_system_attrs(self._study_id)
        if attrs.get(LEARNT):
            space = {path: json_to_distribution(text) for path, text in attrs[DISTRIBUTIONS].items()}
            self._storage.learnt = as_trials(attrs[LEARNT], space)

    def show(self, tags: Mapping[str, str], *, metric: str) -> None:
        """Writes `tags` where people see them, Optuna's user attributes of the study, and what its values are."""
        for key, value in tags.items():
            self._study.set_user_attr(key, value)
        self.set(METRICS, [metric])

    def _id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)

    def _note(self, number: int, key: str, value: Json) -> None:
        self._storage.set_trial_system_attr(self._id(number), key, value)

    def _trial(self, number: int) -> FrozenTrial:
        return self._storage.get_trial(self._id(number))

    def _record(self, number: int) -> TrialRecord:
        return read_trial(self._trial(number))
