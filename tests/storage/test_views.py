"""What a driver asks of its database does not grow with the trials there are, nor with those that run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

from hpo.contracts.records import StudyRecord, TrialRecord
from hpo.storage.relay import Relay
from hpo.storage.views import StudyView
from tests.support.studies import run_study

SIMULATED = ("experiment=smoke", "executor=simulated", "tracking=none", "study.test=false", "train.epochs=2")


@pytest.mark.parametrize("words", [("sampler=tpe", "pruner=median"), ("sampler=random", "pruner=none")])
def test_no_trial_is_read_because_others_run_or_are_there(
    words: tuple[str, str], workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_read, real = 0, RDBStorage._build_frozen_trial_from_trial_model

    def reading(*args: Any) -> FrozenTrial:
        nonlocal n_read
        n_read += 1
        return real(*args)

    monkeypatch.setattr(RDBStorage, "_build_frozen_trial_from_trial_model", reading)
    per_trial = []
    for n_trials, n_workers in ((6, 1), (18, 1), (18, 18)):
        n_before = n_read
        sizes = (f"study.n_trials={n_trials}", f"executor.n_workers={n_workers}", f"study.name={n_trials}-{n_workers}")
        run_study(*SIMULATED, *words, *sizes)
        per_trial.append((n_read - n_before) / n_trials)
    assert per_trial == [0, 0, 0], "what was written is remembered"


def test_the_incumbent_is_known_without_looking_at_all_trials(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_compared, real = list[int](), StudyRecord.best

    def best(study: StudyRecord, trials: list[TrialRecord]) -> TrialRecord | None:
        n_compared.append(len(trials))
        return real(study, trials)

    monkeypatch.setattr(StudyRecord, "best", best)
    report = run_study(*SIMULATED, "study.n_trials=60", "executor.n_workers=8", "storage=memory")
    assert real(report.study, report.trials) is not None
    assert sum(n > 2 for n in n_compared) < 10, "at the beginning and at the end"


class Reading(Relay):
    """Notes which reads there were; a write may fail after it has arrived."""

    def __init__(self, storage: InMemoryStorage) -> None:
        super().__init__(storage)
        self.reads: list[object] = []
        self.is_broken = False

    def get_trial(self, trial_id: int) -> FrozenTrial:
        self.reads.append(trial_id)
        return super().get_trial(trial_id)

    def get_all_trials(self, *args: Any, **kwargs: Any) -> list[FrozenTrial]:
        self.reads.append("all")
        return super().get_all_trials(*args, **kwargs)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        super().set_trial_user_attr(trial_id, key, value)
        if self.is_broken:
            raise ConnectionError


@dataclass
class Seen:
    """A study, its view, and what is behind, which notes what it is asked."""

    study: optuna.Study
    view: StudyView
    reading: Reading
    real: InMemoryStorage

    def begin(self) -> int:
        """Returns the id of a new trial."""
        return self.view.get_trial_id_from_study_id_trial_number(0, self.study.ask().number)

    def states(self) -> list[TrialState]:
        return [trial.state for trial in self.study.get_trials(deepcopy=False)]


@pytest.fixture
def seen() -> Seen:
    real = InMemoryStorage()
    reading = Reading(real)
    name = optuna.create_study(storage=real).study_name
    view = StudyView(reading, 0)
    study = optuna.load_study(study_name=name, storage=view, sampler=optuna.samplers.RandomSampler(seed=0))
    study.get_trials()
    return Seen(study, view, reading, real)


def test_what_is_remembered_is_what_the_storage_holds(seen: Seen) -> None:
    for number in range(6):
        trial = seen.study.ask()
        trial.suggest_float("x", 0, 1)
        trial.set_user_attr("note", [number])
        trial_id = seen.view.get_trial_id_from_study_id_trial_number(0, number)
        seen.view.set_trial_system_attr(trial_id, "epoch", {"of": number})
        trial.report(0.5, step=1)
        if number % 2:
            seen.study.tell(trial, 1.0)
        assert seen.view.get_trial(trial_id) == seen.real.get_trial(trial_id)
        assert seen.view.get_trial_params(trial_id) == seen.real.get_trial_params(trial_id)
    for states in (None, (TrialState.RUNNING,), (TrialState.COMPLETE, TrialState.RUNNING), (TrialState.WAITING,)):
        assert seen.view.get_all_trials(0, states=states) == seen.real.get_all_trials(0, states=states)
        assert seen.view.get_n_trials(0, states) == seen.real.get_n_trials(0, states)


def test_only_a_trial_that_was_written_is_read_again(seen: Seen) -> None:
    seen.begin()
    trials = [seen.begin() for _ in range(4)]
    assert len(seen.view.get_all_trials(0)) == 5
    seen.reading.reads.clear()
    assert len(seen.view.get_all_trials(0)) == 5
    assert seen.reading.reads == []
    seen.view.set_trial_system_attr(trials[3], "key", 1)
    assert seen.view.get_all_trials(0)[4].system_attrs == {"key": 1}
    assert seen.reading.reads == [trials[3]]


def test_a_write_that_failed_may_have_arrived(seen: Seen) -> None:
    trial_id = seen.begin()
    assert len(seen.view.get_all_trials(0)) == 1
    seen.reading.is_broken = True
    with pytest.raises(ConnectionError):
        seen.view.set_trial_user_attr(trial_id, "key", 1)
    assert seen.view.get_trial_user_attrs(trial_id) == {"key": 1}


def test_a_trial_that_somebody_else_put_there_is_seen_with_the_next_one(seen: Seen) -> None:
    seen.begin()
    seen.real.create_new_trial(0)
    seen.begin()
    assert [trial.number for trial in seen.view.get_all_trials(0)] == [0, 1, 2]


def test_trials_beyond_the_horizon_are_seen_running(seen: Seen) -> None:
    for value in (1.0, 2.0):
        trial = seen.study.ask()
        trial.report(value, step=1)
        seen.study.tell(trial, value)
    with seen.view.up_to(0):
        assert seen.states() == [TrialState.COMPLETE, TrialState.RUNNING]
        assert len(seen.study.get_trials(states=(TrialState.COMPLETE,))) == 1
        assert (seen.study.trials[1].values, seen.study.trials[1].intermediate_values) == (None, {})
    assert seen.states() == [TrialState.COMPLETE] * 2
    with seen.view.up_to(None):
        assert seen.states() == [TrialState.COMPLETE] * 2


def test_a_pruner_sees_the_trials_it_compares_and_writes_nothing(seen: Seen) -> None:
    first, second = seen.begin(), seen.begin()
    with seen.view.among(lambda trial: trial.number == 1) as notes:
        assert [trial.number for trial in seen.study.trials] == [1]
        seen.view.set_trial_system_attr(second, "completed_rung_0", 0.5)
    assert notes == {"completed_rung_0": 0.5}
    assert seen.real.get_trial(second).system_attrs == {}
    seen.view.set_trial_system_attr(first, "key", 1)
    assert [trial.system_attrs for trial in seen.study.trials] == [{"key": 1}, {}]
