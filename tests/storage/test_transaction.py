"""What one event writes: all of it or nothing, as Optuna itself would have written it, in few statements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event
from sqlalchemy.engine import Engine

import hpo.study.preparation
from hpo.storage.enduring import EnduringStorage, disconnect
from hpo.storage.sqlite import open_sqlite
from hpo.storage.transaction import NumberTaken, TrialWrites
from hpo.storage.views import StudyView
from hpo.study.session import Report, run
from hpo.terminal.display import build_display
from tests.support.mortal_storage import Killed, MortalStorage, facts
from tests.support.studies import plan_study, run_study

CLOSED = ("trainer=synthetic", "executor=inline", "tracking=none", "study.test=false", "trainer.epoch_s=0")
SMALL = (*CLOSED, "sampler=tpe", "sampler.n_startup_trials=2", "study.n_trials=3", "train.epochs=2", "study.name=x")


@pytest.fixture(params=["sqlite", "postgres"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EnduringStorage]:
    if request.param == "sqlite":
        opened: BaseStorage = open_sqlite(tmp_path / "hpo.db")
    else:
        from hpo.storage.postgres import open_postgres

        opened = open_postgres(request.getfixturevalue("database"))
    assert isinstance(opened, EnduringStorage)
    yield opened
    disconnect(opened)


def view_of(storage: EnduringStorage) -> StudyView:
    study_id = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "x")
    return StudyView(storage, study_id)


def fill(view: StudyView, study: optuna.Study) -> int:
    """Begins a trial and ends it, in two events; returns its id."""
    with view.together():
        trial = study.ask()
        trial.suggest_float("x", 1e-3, 1.0, log=True)
        trial.suggest_categorical("kind", ["a", None, 3])
        trial.suggest_int("n", 1, 9, step=2)
        trial.set_user_attr("note", {"of": [1, 2]})
    trial_id = view.get_trial_id_from_study_id_trial_number(view._study_id, trial.number)
    with view.together():
        view.set_trial_intermediate_value(trial_id, 1, float("nan"))
        view.set_trial_intermediate_value(trial_id, 2, float("inf"))
        view.set_trial_intermediate_value(trial_id, 3, 0.1)
        view.set_trial_system_attr(trial_id, "hpo:epoch", {"metrics": {"loss": 0.1}})
        study.tell(trial.number, 0.25)
    return trial_id


def as_read(trial: FrozenTrial) -> tuple[Any, ...]:
    """What it is, whatever NaN is equal to."""
    steps = {step: repr(value) for step, value in trial.intermediate_values.items()}
    attrs = (trial.user_attrs, trial.system_attrs)
    times = (trial.datetime_start, trial.datetime_complete)
    return trial.number, trial.state, trial.values, list(trial.params.items()), trial.distributions, steps, attrs, times


def test_what_is_remembered_is_what_optuna_reads(storage: EnduringStorage) -> None:
    view = view_of(storage)
    study = optuna.load_study(study_name="x", storage=view, sampler=optuna.samplers.RandomSampler(seed=0))
    ids = [fill(view, study) for _ in range(3)]
    is_file = storage.engine.name == "sqlite"  # what is behind has seen none of it
    fresh = RDBStorage(str(storage.engine.url)) if is_file else storage
    for number, trial_id in enumerate(ids):
        read = fresh.get_trial(trial_id)
        assert as_read(read) == as_read(view.get_trial(trial_id))
        assert read._trial_id == view.get_trial(trial_id)._trial_id
        assert (read.number, read.state, read.value) == (number, TrialState.COMPLETE, 0.25)
    assert [as_read(trial) for trial in fresh.get_all_trials(view._study_id)] == [
        as_read(trial) for trial in view.get_all_trials(view._study_id)
    ]
    assert optuna.load_study(study_name="x", storage=fresh).best_value == 0.25


def test_an_event_that_breaks_leaves_nothing(storage: EnduringStorage) -> None:
    view = view_of(storage)
    study = optuna.load_study(study_name="x", storage=view, sampler=optuna.samplers.RandomSampler(seed=0))
    first = fill(view, study)
    before = [as_read(trial) for trial in view.get_all_trials(view._study_id)]
    with suppress(Killed), view.together():
        study.ask().suggest_float("x", 1e-3, 1.0, log=True)
        assert len(view.get_all_trials(view._study_id)) == 2
        raise Killed
    assert [as_read(trial) for trial in view.get_all_trials(view._study_id)] == before
    assert [trial.number for trial in storage.get_all_trials(view._study_id)] == [0]
    second = fill(view, study)
    assert [view.get_trial(trial_id).number for trial_id in (first, second)] == [0, 1]


def test_a_trial_that_has_ended_stays_as_it_is(storage: EnduringStorage) -> None:
    view = view_of(storage)
    study = optuna.load_study(study_name="x", storage=view, sampler=optuna.samplers.RandomSampler(seed=0))
    trial_id = fill(view, study)
    with pytest.raises(UpdateFinishedTrialError), view.together():
        view.set_trial_user_attr(trial_id, "late", 1)
    running = view.create_new_trial(view._study_id)
    writes = TrialWrites(view._study_id, view.get_trial(running), running)
    writes.set_user_attr("late", 1)
    writes.end(TrialState.COMPLETE, [1.0])
    storage.set_trial_state_values(running, TrialState.FAIL)  # by somebody else
    with pytest.raises(UpdateFinishedTrialError):
        storage.write_together(writes)
    assert storage.get_trial(running).user_attrs == {}


def test_a_number_that_somebody_took_is_not_given_twice(storage: EnduringStorage) -> None:
    view = view_of(storage)
    study = optuna.load_study(study_name="x", storage=view, sampler=optuna.samplers.RandomSampler(seed=0))
    fill(view, study)
    storage.create_new_trial(view._study_id)
    with pytest.raises(NumberTaken):
        fill(view, study)
    assert view.get_trial(fill(view, study)).number == 2


def test_a_driver_killed_before_any_of_its_writes_continues(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def drive(life: int | None, folder: str, *words: str) -> Report:
        storage = MortalStorage(open_sqlite(Path(folder) / "hpo.db"), life)
        with monkeypatch.context() as patched:
            patched.setattr(hpo.study.preparation, "open_storage", lambda _: storage)
            return run(plan_study(*SMALL, f"storage.folder={folder}", *words), build_display())

    wanted = facts(drive(None, "undisturbed").trials)
    is_over, life = False, 1
    while not is_over:
        try:
            drive(life, f"life{life}")
            is_over = True
        except Killed:
            assert facts(drive(None, f"life{life}").trials) == wanted
        life += 3
    assert life > 20


def test_a_trial_takes_few_statements_and_commits(workdir: Path) -> None:
    """A ratchet: of a trial with four epochs; Optuna's own loop takes 60 and 13."""
    counts = {"statements": 0, "commits": 0}

    def statement(*_: object) -> None:
        counts["statements"] += 1

    def commit(_: object) -> None:
        counts["commits"] += 1

    seen = []
    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", commit)
    try:
        for n_trials in (4, 24):
            before = dict(counts)
            run_study(
                *CLOSED, "sampler=random", f"study.n_trials={n_trials}", "train.epochs=4", f"study.name={n_trials}"
            )
            seen.append({name: counts[name] - before[name] for name in counts})
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
        event.remove(Engine, "commit", commit)
    per_trial = {name: (seen[1][name] - seen[0][name]) / 20 for name in counts}
    assert per_trial["statements"] <= 19
    assert per_trial["commits"] <= 9
