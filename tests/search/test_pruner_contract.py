"""Contract of every pruner in conf/pruner, asked as a study asks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

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
from tests.support.studies import SYNTHETIC, compose_config, plan_study, run_study

PRUNERS = sorted(path.stem for path in (conf_folder() / "pruner").glob("*.yaml"))
NEEDED = {"threshold": ["pruner.lower=0.05"]}
HOPELESS = [0.02 - 0.001 * epoch for epoch in range(9)]


def make(name: str, *overrides: str) -> BasePruner:
    return compose_config(f"pruner={name}", *NEEDED.get(name, []), *overrides)[0].pruner.build(max_epochs=9)


def new_study(pruner: BasePruner) -> StudyStore:
    sampler = optuna.samplers.RandomSampler(seed=0)
    return StudyStore(InMemoryStorage(), "s", direction=Direction.maximize, sampler=sampler, pruner=pruner)


def begin(study: StudyStore) -> int:
    return study.ask(Space((), {}), seed_of=lambda _: 0, now=lambda: 0).number


def is_stopped(
    study: StudyStore,
    number: int,
    epoch: int,
    value: float,
    compared: Callable[[FrozenTrial], bool] = lambda _: True,
    is_last: bool = False,
) -> bool:
    report = EpochReport(epoch, {})
    return study.add_epoch(number, report, value, compared=compared, now=lambda: 0, is_last=is_last)[1]


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
    lasted = [follow(study, HOPELESS) for _ in range(6)]
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


@pytest.mark.parametrize("name", PRUNERS)
def test_no_trial_is_stopped_after_its_last_epoch_or_before_the_first_that_is_promised(name: str) -> None:
    config = compose_config(f"pruner={name}", *NEEDED.get(name, []))[0].pruner
    first, _ = config.first_epoch
    study = new_study(make(name))
    for i in range(12):
        follow(study, [0.5 + 0.01 * i + 0.01 * epoch for epoch in range(9)])
    worst = [follow(study, HOPELESS) for _ in range(6)]
    assert min(worst) == (9 if config.pauses or not first else first)
    numbers = [begin(study) for _ in range(4)]
    assert not any(is_stopped(study, number, 1, 0.01, is_last=True) for number in numbers)


def test_patient_compares_no_trial_with_another() -> None:
    study = new_study(make("patient", "pruner.patience=1", "pruner.min_delta=0.1"))
    assert follow(study, [0.1, 0.5, 0.3, 0.3, 0.3, 0.3]) == 4
    assert follow(study, [0.01, 0.05, 0.04, 0.03, 0.02, 0.01]) == 6


def test_percentile_lets_that_many_of_a_hundred_go_on() -> None:
    study = new_study(make("percentile", "pruner.percentile=50", "pruner.n_startup_trials=2"))
    for value in (0.2, 0.4, 0.6):
        follow(study, [value] * 4)
    assert [follow(study, [value] * 4) for value in (0.3, 0.5)] == [2, 4]


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (
            ["pruner=hyperband", "pruner.min_epochs=5", "pruner.max_epochs=2"],
            "min_epochs=5 is above pruner.max_epochs=2",
        ),
        (["pruner=hyperband", "pruner.min_epochs=50"], "is above the longest trial's train.epochs=6"),
        (["pruner=threshold"], "give pruner.lower, pruner.upper, or both"),
        (["pruner=threshold", "pruner.lower=2", "pruner.upper=1"], "pruner.lower=2 is above pruner.upper=1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(overrides: list[str], sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        plan_study("experiment=smoke", *overrides)


def test_a_pruner_that_stops_no_trial_says_so() -> None:
    (note,) = plan_study("experiment=smoke", "pruner=asha", "pruner.min_epochs=50").notes
    assert note.startswith("pruner=asha will stop no trial: its first decision comes after epoch 50")
    assert not plan_study("experiment=smoke", "pruner=asha").notes
    assert plan_study("experiment=smoke", "pruner=asha", "~space.train.epochs", "train.epochs=1").notes


def test_a_trial_that_has_done_all_its_epochs_is_complete(workdir: Path) -> None:
    asked = (
        "experiment=smoke",
        *SYNTHETIC,
        "pruner=asha",
        "~space.train.epochs",
        "train.epochs=3",
        "study.n_trials=20",
    )
    trials = run_study(*asked).trials
    assert {trial.state for trial in trials if trial.n_epochs == 3} == {COMPLETE}
    assert {trial.state for trial in trials if trial.n_epochs < 3} == {PRUNED}


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
