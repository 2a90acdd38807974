"""Trials that are read piece by piece: all of them, as Optuna reads them."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.storage import piecewise
from hpo.storage.piecewise import all_trials
from hpo.storage.record import begun
from hpo.storage.sqlite import open_sqlite

SPACE = {"lr": FloatDistribution(1e-4, 1e-1, log=True), "kind": CategoricalDistribution(("a", None, 3))}


def made(number: int) -> FrozenTrial:
    state = TrialState.FAIL if number % 5 == 4 else TrialState.COMPLETE
    return create_trial(
        state=state,
        value=None if state is TrialState.FAIL else float("inf") if number == 2 else 0.1 * number,
        params={"lr": 0.001 * (number + 1), "kind": ("a", None, 3)[number % 3]},
        distributions=SPACE,
        system_attrs={"hpo:begin": {"seed": number, "started_ms": 5}, "hpo:end": {"state": state.name, "ended_ms": 9}},
    )


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_they_are_those_that_optuna_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(piecewise, "PIECE", piece)
    storage = open_sqlite(tmp_path / "hpo.db")
    for name in ("other", "mine"):  # whose trials stand between one another
        optuna.create_study(storage=storage, study_name=name)
    for number in range(8):
        for study_id in (1, 2):
            storage.create_new_trial(study_id, made(number + study_id))
    storage.create_new_trial(2)  # that runs, and has nothing yet
    read = list(all_trials(storage, 2))
    expected = storage.get_all_trials(2)
    names = ("number", "state", "values", "params", "system_attrs", "_trial_id")
    assert [[getattr(each, name) for name in names] for each in read] == [
        [getattr(each, name) for name in names] for each in expected
    ]
    assert begun(all_trials(storage, 2)) == begun(expected)


def test_a_study_in_memory_is_read_as_it_is() -> None:
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage)
    study.add_trial(made(0))
    assert [trial.number for trial in all_trials(storage, study._study_id)] == [0]
