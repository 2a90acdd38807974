"""What a study asks of its storage."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage

import hpo.study.preparation
from hpo.commands.console import main
from hpo.config.schema import StorageConfig
from hpo.storage.enduring import disconnect
from hpo.storage.record import read_trials
from hpo.storage.sqlite import open_sqlite
from tests.support.studies import SYNTHETIC, run_study

N_TRIALS, MAX_EPOCHS = 30, 6


class CountingStorage:
    """Goes to the real storage, and counts how often all trials are asked for, and how often as copies.

    Attributes:
        asked: Calls since the last trial was told, by whether copies were asked for.
        told: `asked` of each trial.
    """

    def __init__(self, storage: BaseStorage) -> None:
        self._storage = storage
        self.asked: Counter[bool] = Counter()
        self.told: list[Counter[bool]] = []

    def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> Any:
        self.asked[deepcopy] += 1
        return self._storage.get_all_trials(study_id, deepcopy=deepcopy, states=states)

    def set_trial_state_values(self, *args: Any, **kwargs: Any) -> bool:
        self.told.append(self.asked)
        self.asked = Counter()
        return self._storage.set_trial_state_values(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


@pytest.mark.parametrize(
    "sampler", [*(pytest.param(each, marks=pytest.mark.slow) for each in ("grid", "random")), "tpe"]
)
@pytest.mark.parametrize("pruner", ["none", "median", "asha", "hyperband"])
def test_reading_the_trials_copies_none_and_is_rare(
    sampler: str, pruner: str, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[CountingStorage] = []
    real = hpo.study.preparation.open_storage

    def counting(config: StorageConfig) -> Any:
        opened.append(CountingStorage(real(config)))
        return opened[0]

    monkeypatch.setattr(hpo.study.preparation, "open_storage", counting)
    words = ("storage=memory", "study.test=false", "trainer.epoch_s=0.0001", f"study.n_trials={N_TRIALS}")
    run_study(*SYNTHETIC, *words, f"sampler={sampler}", f"pruner={pruner}")
    told = opened[0].told
    assert len(told) == N_TRIALS
    assert not any(each[True] for each in told)
    assert all(each[False] <= 2 + 2 * MAX_EPOCHS for each in told)


def test_a_trial_that_was_asked_for_is_tried_next_and_counted_when_it_ends(
    workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (*SYNTHETIC, "trainer.epoch_s=0.0001", "study.name=x")
    before = run_study(*command, "study.n_trials=3").trials
    capsys.readouterr()
    params = {**before[0].params, "train.epochs": 3}
    optuna.load_study(study_name="x", storage="sqlite:///hpo.db").enqueue_trial(params)
    storage = open_sqlite(Path("hpo.db"))
    assert read_trials(storage, "x") == before
    disconnect(storage)
    assert main([*command, "study.n_trials=5"]) == 0
    lines = [line[:5] for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert lines == ["[4/5]", "[5/5]"]
    after = run_study(*command, "study.n_trials=5").trials
    assert after[:3] == before
    assert len(after) == 5
    assert after[3].params == params
