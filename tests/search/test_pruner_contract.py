"""Contract of every pruner in conf/pruner, asked as a study asks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import optuna
import pytest
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial

from hpo.config.schema import Direction
from hpo.contracts.records import COMPLETE, PRUNED
from hpo.contracts.trainer import EpochReport
from hpo.machine.paths import conf_folder
from hpo.space.space import Space
from hpo.storage.store import StudyStore
from tests.support.studies import compose_config

PRUNERS = sorted(path.stem for path in (conf_folder() / "pruner").glob("*.yaml"))


def make(name: str, *overrides: str) -> BasePruner:
    return compose_config(f"pruner={name}", *overrides)[0].pruner.build(max_epochs=9)


def new_study(pruner: BasePruner) -> StudyStore:
    sampler = optuna.samplers.RandomSampler(seed=0)
    return StudyStore(InMemoryStorage(), "s", direction=Direction.maximize, sampler=sampler, pruner=pruner)


def begin(study: StudyStore) -> int:
    return study.ask(Space((), {}), seed_of=lambda _: 0, now=lambda: 0).number


def is_stopped(
    study: StudyStore, number: int, epoch: int, value: float, compared: Callable[[FrozenTrial], bool] = lambda _: True
) -> bool:
    return study.add_epoch(number, EpochReport(epoch, {}), value, compared=compared, now=lambda: 0)[1]


def follow(study: StudyStore, curve: Sequence[float]) -> int:
    """Runs a trial along `curve`; returns the epochs it lasted."""
    number = begin(study)
    lasted = next((n for n, value in enumerate(curve, start=1) if is_stopped(study, number, n, value)), None)
    state, n_epochs = (COMPLETE, len(curve)) if lasted is None else (PRUNED, lasted)
    end = {"state": state, "value": curve[n_epochs - 1], "ended_ms": 0, "reason": None, "error": None, "facts": {}}
    study.note_end(number, end)
    study.tell(number)
    return n_epochs


@pytest.mark.parametrize("name", PRUNERS)
def test_a_hopeless_trial_is_stopped_early_by_every_pruner_but_none(name: str) -> None:
    pruner = make(name)
    study = new_study(pruner)
    for i in range(12):
        follow(study, [0.5 + 0.01 * i + 0.01 * epoch for epoch in range(9)])
    lasted = [follow(study, [0.01] * 9) for _ in range(6)]
    if isinstance(pruner, NopPruner):
        assert lasted == [9] * 6
    else:
        assert min(lasted) < 9


@pytest.mark.parametrize("name", PRUNERS)
def test_an_epoch_told_again_gets_the_answer_it_got_before(name: str) -> None:
    study = new_study(make(name))
    follow(study, [0.9, 0.9, 0.9])
    number = begin(study)
    answers = [is_stopped(study, number, epoch, 0.1) for epoch in (1, 2)]
    noted = study.frozen()[number]
    assert [is_stopped(study, number, epoch, 0.95) for epoch in (1, 2)] == answers
    assert study.frozen()[number] == noted


def test_median_waits_for_its_warm_up_epochs() -> None:
    study = new_study(make("median", "pruner.n_warmup_epochs=2", "pruner.n_startup_trials=3"))
    for _ in range(3):
        follow(study, [0.5] * 6)
    assert follow(study, [0.1] * 6) == 3


def test_asha_lets_the_best_third_pass_each_rung() -> None:
    study = new_study(make("asha"))
    lasted = [follow(study, [0.9 - 0.01 * i] * 9) for i in range(9)]  # each worse than those before
    assert lasted[0] == 9
    assert lasted[3:] == [1] * 6


def test_hyperband_takes_the_most_epochs_a_trial_can_have() -> None:
    pruner = make("hyperband")
    assert isinstance(pruner, HyperbandPruner)
    assert pruner._max_resource == 9


def test_only_compared_trials_count() -> None:
    study = new_study(make("median", "pruner.n_startup_trials=1", "pruner.n_warmup_epochs=0"))
    follow(study, [0.9, 0.9])
    assert is_stopped(study, begin(study), 1, 0.1)
    assert not is_stopped(study, begin(study), 1, 0.1, lambda trial: trial.number > 0)
