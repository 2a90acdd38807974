"""A planned comparison: names, pairs, equal budgets, refusals; killed anywhere it ends as if nothing had happened."""

from __future__ import annotations

import math
import re
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.commands.command import compose_and_call
from hpo.compare.comparison import check_settings, mean_epochs, read_seeds
from hpo.config.compare import CompareConfig, Unit
from hpo.config.compose import Composition
from hpo.config.study import ConfirmConfig
from hpo.contracts.records import Budget
from hpo.space.space import Param, Space, canonical
from hpo.study.plan import Plan
from hpo.study.session import Report
from tests.support.comparisons import SMALL, plan_compared, read_all, run_compared
from tests.support.mortal_storage import Killed, MortalStorage
from tests.support.studies import plan_typed

SYNTHETIC = ("trainer=synthetic", "tracking=none")


@pytest.mark.parametrize(
    ("given", "seeds"), [(1, [0]), (3, [0, 1, 2]), ([4], [4]), ([7, 3], [7, 3]), ([0, 2**32 - 1], [0, 2**32 - 1])]
)
def test_seeds_are_a_number_or_a_list(given: object, seeds: list[int]) -> None:
    assert read_seeds(given) == seeds


NO_SEEDS = [0, -1, 1001, 2.0, 2.5, True, None, "3", "ten", [], [1, 1], [1, -1], [1, 2**32], [1.0], [True], ["1"]]


@pytest.mark.parametrize("given", [*NO_SEEDS, {"a": 1}])
def test_other_seeds_are_refused(given: object) -> None:
    with pytest.raises(ValueError, match="must be a number from 1 to 1,000, or a list of different whole numbers"):
        read_seeds(given)


@pytest.mark.parametrize(
    ("distribution", "mean"),
    [
        (IntDistribution(2, 6), 4.0),
        (IntDistribution(3, 3), 3.0),
        (FloatDistribution(1, 4), 2.5),
        (IntDistribution(1, 8, log=True), 7 / 2.0794415416798357),
        (IntDistribution(5, 5, log=True), 5.0),
        (CategoricalDistribution([2, 4, 12]), 6.0),
    ],
)
def test_what_a_trial_costs_on_average(distribution: Any, mean: float) -> None:
    other = Param("train.lr", FloatDistribution(0, 1), ())
    assert mean_epochs(Space((other, Param("train.epochs", distribution, ())), {}), 9) == pytest.approx(mean)
    assert mean_epochs(Space((other,), {}), 9) == 9.0


def test_every_strategy_runs_on_every_task_with_every_seed(workdir: Path) -> None:
    comparison = plan_compared(
        *SYNTHETIC,
        "seeds=[5,2]",
        "strategies={plain: {sampler: random}, tpe+asha: {sampler: tpe, pruner: asha}}",
        "tasks={easy: {trainer: {noise: 0}}, hard: {trainer: {noise: 0.3}}}",
        "name=mine",
    )
    names = [f"mine-{t}-{s}-s{n}" for t in ("easy", "hard") for s in ("plain", "tpe+asha") for n in (5, 2)]
    assert [planned.name for planned in comparison.plans] == names
    assert (comparison.strategies, comparison.tasks, comparison.seeds) == (
        ["plain", "tpe+asha"],
        ["easy", "hard"],
        [5, 2],
    )
    assert {planned.experiment for planned in comparison.plans} == {"mine"}
    last = comparison.plans[-1]
    assert (last.config.seed, last.tags["strategy"], last.tags["task"], last.tags["role"]) == (
        2,
        "tpe+asha",
        "hard",
        "search",
    )
    assert (type(last.config.pruner).__name__, last.config.trainer.noise, last.n_workers) == ("AshaConfig", 0.3, 1)


def test_plain_samplers_are_the_studies_of_single_commands(workdir: Path) -> None:
    comparison = plan_compared(*SYNTHETIC, "samplers=[random,tpe]", "seeds=[3]")
    single = [plan_typed(*SYNTHETIC, f"sampler={sampler}", "seed=3") for sampler in ("random", "tpe")]
    assert [planned.name for planned in comparison.plans] == [planned.name for planned in single]
    assert {planned.experiment for planned in comparison.plans} == {planned.experiment for planned in single}


def budgets(*overrides: str) -> list[Budget]:
    comparison = plan_compared(*SYNTHETIC, "samplers=[random,tpe]", "seeds=1", *overrides)
    studies = [planned.config.study for planned in comparison.plans]
    return [Budget(study.n_trials, study.timeout_s, study.n_epochs, study.trials_s) for study in studies]


@pytest.mark.parametrize(
    ("overrides", "budget"),
    [
        ((), Budget(n_epochs=96)),  # 24 trials of 2 to 6 epochs
        (("study.n_trials=10",), Budget(n_epochs=40)),
        (("study.n_trials=10", "train.epochs=7"), Budget(n_epochs=70)),
        (("study.n_epochs=33",), Budget(n_epochs=33)),
        (("budget.size=50",), Budget(n_epochs=50)),
        (("budget.unit=trials",), Budget(n_trials=24)),
        (("budget.unit=trials", "budget.size=7", "study.n_epochs=3"), Budget(n_trials=7)),
        (("budget.unit=seconds", "budget.size=1.5"), Budget(trials_s=1.5)),
        (("budget.unit=seconds", "study.trials_s=9"), Budget(trials_s=9)),
    ],
)
def test_budgets_are_equal_in_one_unit_alone(workdir: Path, overrides: tuple[str, ...], budget: Budget) -> None:
    assert budgets(*overrides) == [budget] * 2


def settings_of(**changes: Any) -> CompareConfig:
    found: list[Any] = []

    def call(composition: Composition) -> int:
        found.append(composition.config)
        return 0

    if not COMPOSED:
        compose_and_call([*SYNTHETIC], call, name="compare", root=CompareConfig, may_lack=True)
        COMPOSED.extend(found)
    study = {key.removeprefix("study_"): value for key, value in changes.items() if key.startswith("study_")}
    budget = {key.removeprefix("budget_"): value for key, value in changes.items() if key.startswith("budget_")}
    own = {key: value for key, value in changes.items() if not key.startswith(("study_", "budget_"))}
    config = COMPOSED[0]
    return replace(config, study=replace(config.study, **study), budget=replace(config.budget, **budget), **own)


COMPOSED: list[CompareConfig] = []
SETTINGS = [
    ({}, ""),
    ({"seeds": 0}, "seeds=0 must be a number from 1 to 1,000"),
    ({"budget_size": 0}, "budget.size=0 must be above 0."),
    ({"budget_size": -5.0}, "budget.size=-5 must be above 0."),
    ({"budget_size": math.nan}, "budget.size=nan must be a finite number."),
    ({"budget_size": math.inf}, "budget.size=inf must be a finite number."),
    ({"budget_size": 2.5}, "budget.size=2.5 must be a whole number of epochs."),
    ({"budget_size": 2.5, "budget_unit": Unit.trials}, "budget.size=2.5 must be a whole number of trials."),
    ({"budget_size": 2.5, "budget_unit": Unit.seconds}, ""),
    ({"study_n_trials": 0}, "study.n_trials=0 must be at least 1."),
    ({"study_n_epochs": -5}, "study.n_epochs=-5 must be at least 1."),
    ({"study_trials_s": 0.0}, "study.trials_s=0 must be above 0 and at most"),
    ({"study_confirm": ConfirmConfig(-1, 3)}, "study.confirm.top_k=-1 must be at least 0"),
    ({"study_confirm": ConfirmConfig(1, 0)}, "study.confirm.n_seeds=0 must be at least 1"),
    ({"study_name": "x"}, "study.name=x names a single study"),
    ({"study_timeout_s": 5.0}, "study.timeout_s counts the seconds of a command"),
    ({"rope": -0.1}, "rope=-0.1 must be at least 0, in units of study.metric."),
    ({"rope": math.nan}, "rope=nan must be a finite number."),
    ({"rope": 0.0}, ""),
    ({"n_concurrent": 0}, "n_concurrent=0 must be at least 1."),
    ({"name": "a/b"}, "name='a/b' must be the name of a folder"),
    ({"name": ".."}, "name='..' must be the name of a folder"),
    ({"name": ""}, "name='' must be the name of a folder"),
    ({"name": "x" * 201}, "at most 200 bytes"),
    ({"name": "tpe+asha, again"}, ""),
]


@pytest.mark.parametrize(("changes", "sentence"), SETTINGS)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, Any], sentence: str, workdir: Path) -> None:
    with nullcontext() if not sentence else pytest.raises(ValueError, match=re.escape(sentence)):
        check_settings(settings_of(**changes))


def test_a_budget_that_follows_from_nothing_is_refused(workdir: Path) -> None:
    for overrides, sentence in {
        ("budget.unit=seconds",): "budget.unit=seconds needs budget.size=…, the seconds of training",
        ("study.n_trials=null",): "budget.size=null needs study.n_trials=…; or give budget.size in epochs.",
        ("budget.unit=trials", "study.n_trials=null"): "or give budget.size in trials.",
    }.items():
        with pytest.raises(ValueError, match=re.escape(sentence)):
            plan_compared(*SYNTHETIC, "samplers=[tpe]", *overrides)


def test_a_preset_may_not_change_what_all_studies_share(workdir: Path) -> None:
    with pytest.raises(ValueError, match="storage is shared by all studies of a comparison; set it beside"):
        plan_compared("strategies={a: {experiment: replay, trainer.path: x}}")
    preset = "strategies={a: {}, b: {experiment: replay, trainer.path: x}}"
    with pytest.raises(ValueError, match=r"study\.metric must be the same for all strategies and tasks"):
        plan_compared(preset, "storage=memory", "tracking=none", "executor=simulated")


def test_several_trials_at_once_are_told_in_order(workdir: Path) -> None:
    for n_concurrent in (1, 2):
        comparison = plan_compared(*SYNTHETIC, "samplers=[tpe]", "seeds=1", f"n_concurrent={n_concurrent}")
        assert {planned.config.study.ordered for planned in comparison.plans} == {n_concurrent > 1}
        assert {planned.n_workers for planned in comparison.plans} == {n_concurrent}


def test_the_same_seed_means_the_same_start(workdir: Path) -> None:
    small = ("budget.unit=trials", "budget.size=12", "study.confirm.top_k=0", "study.test=false")
    tpe = "strategies={tpe: {sampler: tpe, sampler.n_startup_trials: 5}}"
    comparison = plan_compared(*SMALL, "samplers=[grid,random]", tpe, *small)
    reports = run_compared(comparison)
    of = {
        (planned.tags["strategy"], planned.config.seed): r for planned, r in zip(comparison.plans, reports, strict=True)
    }
    seeds = {key: [trial.seed for trial in report.trials] for key, report in of.items()}
    params = {key: [canonical(trial.params) for trial in report.trials] for key, report in of.items()}
    assert seeds["grid", 0] == seeds["random", 0] == seeds["tpe", 0] != seeds["random", 1]  # weights, order of data
    assert params["random", 0][:5] == params["tpe", 0][:5]
    assert params["random", 0][5:] != params["tpe", 0][5:]
    assert params["random", 0] != params["random", 1]
    assert params["grid", 0] != params["grid", 1]  # its order depends on the seed
    assert all(planned.config.data == comparison.plans[0].config.data for planned in comparison.plans)  # one split


def spent(report: Report, planned: Plan) -> float:
    study = planned.config.study
    if study.n_epochs:
        return sum(trial.n_epochs for trial in report.trials) / study.n_epochs
    return len(report.trials) / (study.n_trials or 1)


@pytest.mark.parametrize("unit", ["epochs", "trials"])
def test_budgets_are_spent_to_within_one_trial(workdir: Path, unit: str) -> None:
    comparison = plan_compared(*SMALL, "pruner=median", f"budget.unit={unit}", "budget.size=40")
    for report, planned in zip(run_compared(comparison), comparison.plans, strict=True):
        assert 1 <= spent(report, planned) < 1 + (6 / 40 if unit == "epochs" else 1e-9)


def test_strategies_that_pause_trials_take_what_others_trained_and_are_charged_each_epoch_once(workdir: Path) -> None:
    arms = "strategies={full: {sampler: random}, one: {sampler: random, pruner: promote}, two: {pruner: promote}}"
    comparison = plan_compared(*SMALL[:4], arms, "seeds=1", "train.epochs=4", "budget.unit=epochs", "budget.size=24")
    reports = run_compared(comparison)
    for report, planned in zip(reports, comparison.plans, strict=True):
        assert 1 <= spent(report, planned) < 1 + 4 / 24
    taken = [trial for trial in reports[1].trials if trial.facts.get("cached_from")]
    full = {canonical(trial.params): trial for trial in reports[0].trials}
    assert taken
    for trial in taken:
        whole = full[canonical(trial.params)].epochs
        assert [epoch.metrics["accuracy"] for epoch in trial.epochs] == [
            epoch.metrics["accuracy"] for epoch in whole[: trial.n_epochs]
        ]
    assert {legs for report in reports for trial in report.trials for legs in [len(trial.legs)]} >= {0, 1, 2}


STRATEGIES = "strategies={random: {sampler: random}, tpe: {sampler: tpe, sampler.n_startup_trials: 2}}"
PRUNER = ("pruner=median", "pruner.n_startup_trials=2")
KILLED = (*SMALL[:3], STRATEGIES, *PRUNER, "seeds=2", "budget.size=16", "study.confirm.n_seeds=2")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("undisturbed")
    storage = optuna.storages.InMemoryStorage()
    run_compared(plan_compared(*KILLED, f"storage.folder={folder}"), storage)
    return {"record": read_all(storage), "n_writes": count_writes(folder / "again")}


def count_writes(folder: Path) -> int:
    storage = MortalStorage(optuna.storages.InMemoryStorage(), 10**9)
    run_compared(plan_compared(*KILLED, f"storage.folder={folder}"), storage)  # type: ignore[arg-type]  # duck-typed
    return 10**9 - (storage._left or 0)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.floats(0, 1), min_size=1, max_size=3))
@example(places=[0.999, 0.999, 0.999])  # between the last test and its summary
@example(places=[0.6, 0.6, 0.6, 0.9])
def test_a_killed_comparison_ends_as_if_nothing_had_happened(
    places: list[float], undisturbed: dict[str, Any], workdir: Path
) -> None:
    comparison = plan_compared(*KILLED)
    storage, left = optuna.storages.InMemoryStorage(), undisturbed["n_writes"]
    for place in places:  # of what was left to write
        mortal = MortalStorage(storage, int(place * left))
        with suppress(Killed):
            run_compared(comparison, mortal)  # type: ignore[arg-type]  # duck-typed
        left -= int(place * left)
    run_compared(comparison, storage)
    assert read_all(storage) == undisturbed["record"]


def test_the_comparison_killed_above_caches_prunes_and_confirms(undisturbed: dict[str, Any]) -> None:
    states = {fact[1] for trials, _ in undisturbed["record"].values() for fact in trials}
    assert states == {"COMPLETE", "PRUNED"}
    tests = [test for name, (_, test) in undisturbed["record"].items() if name.endswith("-confirm")]
    assert len([test for test in tests if test["n_test"]]) == 4


def test_the_last_writes_of_a_comparison_are_each_survived(undisturbed: dict[str, Any], workdir: Path) -> None:
    comparison = plan_compared(*KILLED)
    for n_before_the_end in range(1, 11):
        storage = optuna.storages.InMemoryStorage()
        with suppress(Killed):
            run_compared(comparison, MortalStorage(storage, undisturbed["n_writes"] - n_before_the_end))  # type: ignore[arg-type]
        run_compared(comparison, storage)
        assert read_all(storage) == undisturbed["record"], n_before_the_end
