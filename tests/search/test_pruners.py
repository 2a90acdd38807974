"""Contract of every pruner in conf/pruner, asked through the view."""

from __future__ import annotations

import optuna
import pytest
from optuna.pruners import HyperbandPruner, NopPruner
from optuna.trial import Trial

from hpo.machine.paths import conf_folder
from hpo.search.pruners import PrunerView
from tests.support.studies import compose_config

PRUNERS = sorted(path.stem for path in (conf_folder() / "pruner").glob("*.yaml"))


def make(name: str, *overrides: str) -> optuna.pruners.BasePruner:
    return compose_config(f"pruner={name}", *overrides)[0].pruner.build(max_epochs=9)


def follow(study: optuna.Study, pruner: optuna.pruners.BasePruner, curve: list[float]) -> int:
    """Runs a trial along `curve`; returns the epochs it lasted."""
    trial = study.ask()
    for epoch, value in enumerate(curve, start=1):
        frozen = study._storage.get_trial(trial._trial_id)
        view = PrunerView(study, lambda _: True)
        stop = view.decide(pruner, frozen, epoch=epoch, value=value)
        note(study, trial, view)
        trial.report(value, epoch)
        if stop:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return epoch
    study.tell(trial, curve[-1])
    return len(curve)


def note(study: optuna.Study, trial: Trial, view: PrunerView) -> None:
    for key, value in view.noted.items():
        study._storage.set_trial_system_attr(trial._trial_id, key, value)


@pytest.mark.parametrize("name", PRUNERS)
def test_a_hopeless_trial_is_stopped_early_by_every_pruner_but_none(name: str) -> None:
    pruner = make(name)
    study = optuna.create_study(direction="maximize", study_name="s", pruner=pruner)
    for i in range(12):
        follow(study, pruner, [0.5 + 0.01 * i + 0.01 * epoch for epoch in range(9)])
    lasted = [follow(study, pruner, [0.01] * 9) for _ in range(6)]
    if isinstance(pruner, NopPruner):
        assert lasted == [9] * 6
    else:
        assert min(lasted) < 9


@pytest.mark.parametrize("name", PRUNERS)
def test_asking_writes_nothing(name: str) -> None:
    pruner = make(name)
    study = optuna.create_study(direction="maximize", study_name="s", pruner=pruner)
    follow(study, pruner, [0.1, 0.2, 0.3])
    trial = study.ask()
    before = study._storage.get_trial(trial._trial_id)
    PrunerView(study, lambda _: True).decide(pruner, before, epoch=1, value=0.5)
    after = study._storage.get_trial(trial._trial_id)
    assert after.system_attrs == {}
    assert after.intermediate_values == {}


def test_median_waits_for_its_warm_up_epochs() -> None:
    pruner = make("median", "pruner.n_warmup_epochs=2", "pruner.n_startup_trials=3")
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for _ in range(3):
        follow(study, pruner, [0.5] * 6)
    assert follow(study, pruner, [0.1] * 6) == 3


def test_asha_lets_the_best_third_pass_each_rung() -> None:
    pruner = make("asha")
    study = optuna.create_study(direction="maximize", pruner=pruner)
    lasted = [follow(study, pruner, [0.9 - 0.01 * i] * 9) for i in range(9)]  # each worse than those before
    assert lasted[0] == 9
    assert lasted[3:] == [1] * 6


def test_hyperband_takes_the_most_epochs_a_trial_can_have() -> None:
    pruner = make("hyperband")
    assert isinstance(pruner, HyperbandPruner)
    assert pruner._max_resource == 9


def test_only_compared_trials_count() -> None:
    pruner = make("median", "pruner.n_startup_trials=1", "pruner.n_warmup_epochs=0")
    study = optuna.create_study(direction="maximize", pruner=pruner)
    follow(study, pruner, [0.9, 0.9])
    trial = study._storage.get_trial(study.ask()._trial_id)
    assert PrunerView(study, lambda _: True).decide(pruner, trial, epoch=1, value=0.1)
    assert not PrunerView(study, lambda t: t.number > 0).decide(pruner, trial, epoch=1, value=0.1)
