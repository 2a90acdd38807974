"""What a driver asks of its database does not grow with the trials there are, nor with those that run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

from hpo.contracts.records import StudyRecord, TrialRecord
from hpo.storage.views import TrialMemory
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
    assert max(per_trial) <= 25
    assert max(per_trial) < 1.2 * min(per_trial)


def test_the_incumbent_is_known_without_looking_at_all_trials(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_compared, real = list[int](), StudyRecord.best

    def best(study: StudyRecord, trials: list[TrialRecord]) -> TrialRecord | None:
        n_compared.append(len(trials))
        return real(study, trials)

    monkeypatch.setattr(StudyRecord, "best", best)
    report = run_study(*SIMULATED, "study.n_trials=60", "executor.n_workers=8", "storage=memory")
    assert real(report.study, report.trials) is not None
    assert sum(n > 2 for n in n_compared) < 10, "at the beginning and at the end"


class Reading:
    """Goes to the real storage and notes which reads there were."""

    def __init__(self, storage: InMemoryStorage) -> None:
        self.real = storage
        self.reads: list[object] = []

    def get_trial(self, trial_id: int) -> FrozenTrial:
        self.reads.append(trial_id)
        return self.real.get_trial(trial_id)

    def get_all_trials(self, *args: Any, **kwargs: Any) -> list[FrozenTrial]:
        self.reads.append("all")
        return self.real.get_all_trials(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def make_study() -> tuple[optuna.Study, TrialMemory, Reading]:
    reading = Reading(InMemoryStorage())
    memory = TrialMemory(reading)  # type: ignore[arg-type]  # duck-typed
    return optuna.create_study(storage=memory, sampler=optuna.samplers.RandomSampler(seed=0)), memory, reading  # type: ignore[arg-type]  # duck-typed


def test_what_is_remembered_is_what_the_storage_holds() -> None:
    study, memory, reading = make_study()
    for number in range(6):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.set_user_attr("note", [number])
        memory.set_trial_system_attr(trial._trial_id, "epoch", {"of": number})
        trial.report(0.5, step=1)
        if number % 2:
            study.tell(trial, 1.0)
    for states in (None, (TrialState.RUNNING,), (TrialState.COMPLETE, TrialState.RUNNING), (TrialState.WAITING,)):
        assert memory.get_all_trials(study._study_id, states=states) == reading.real.get_all_trials(
            study._study_id, states=states
        )


def test_only_a_trial_that_was_written_is_read_again() -> None:
    study, memory, reading = make_study()
    trials = [study.ask() for _ in range(5)]
    reading.reads.clear()
    assert len(memory.get_all_trials(study._study_id)) == 5
    assert reading.reads == []
    memory.set_trial_system_attr(trials[3]._trial_id, "key", 1)
    assert memory.get_all_trials(study._study_id)[3].system_attrs == {"key": 1}
    assert reading.reads == [trials[3]._trial_id]


def test_a_write_that_failed_may_have_arrived() -> None:
    study, memory, reading = make_study()
    trial = study.ask()
    real = reading.real.set_trial_user_attr

    def broken(*args: Any) -> None:
        real(*args)
        raise ConnectionError

    reading.set_trial_user_attr = broken  # type: ignore[attr-defined]  # found before the real one's
    with pytest.raises(ConnectionError):
        memory.set_trial_user_attr(trial._trial_id, "key", 1)
    assert memory.get_trial_user_attrs(trial._trial_id) == {"key": 1}


def test_a_trial_that_somebody_else_put_there_is_seen_with_the_next_one() -> None:
    study, memory, reading = make_study()
    study.ask()
    reading.real.create_new_trial(study._study_id)
    study.ask()
    assert [trial.number for trial in memory.get_all_trials(study._study_id)] == [0, 1, 2]
