"""Comparisons told to a display event by event, without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from hpo.compare.comparison import Comparison
from hpo.compare.progress import ComparisonProgress
from hpo.compare.variants import Variant
from hpo.config.compare import Unit
from hpo.config.compose import Composition
from hpo.contracts.records import COMPLETE, REPETITION, SEARCHED, Budget, StudyRecord, TrialRecord
from hpo.study.audit import audit_name
from hpo.study.confirmation import confirmation_name
from hpo.study.plan import Plan
from hpo.terminal.display import Display
from tests.support.mlflow_contents import make_study, make_trial
from tests.support.studies import SYNTHETIC, plan_study

N_EPOCHS = 3  # of a trial made up here
BUDGET = 12


class Clock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@cache
def planned() -> Plan:
    return plan_study(*SYNTHETIC, "storage=memory", "study.confirm.top_k=1", "study.confirm.n_seeds=2")


def plan_shown(
    strategies: Sequence[str] = ("random", "tpe"),
    seeds: Sequence[int] = (0, 1),
    *,
    tasks: Sequence[str] = ("docs",),
    budget: tuple[float, Unit] = (BUDGET, Unit.epochs),
    top_k: int = 1,
    audit: float = 0.0,
) -> Comparison:
    """Returns a comparison of strategies that differ in their name alone."""
    base = planned().config
    study = replace(base.study, n_trials=None, n_epochs=BUDGET, audit=audit)
    study = replace(study, confirm=replace(base.study.confirm, top_k=top_k))
    plans = [
        replace(
            planned(),
            config=replace(base, seed=seed, study=replace(study, name=f"{task}-{strategy}-s{seed}")),
            tags={"strategy": strategy, "task": task, "role": "search"},
            experiment_name="shown",
        )
        for task in tasks
        for strategy in strategies
        for seed in seeds
    ]
    variants = [Variant(strategy, task, (), Composition(base, {})) for task in tasks for strategy in strategies]
    return Comparison("shown", plans, variants, seeds, budget[1], budget[0])


def made(comparison: Comparison, index: int = 0, **changes: Any) -> StudyRecord:
    """Returns the record of a search of `comparison`."""
    return make_study(Path("x"), name=comparison.plans[index].name, config={"train": {"epochs": N_EPOCHS}}, **changes)


def confirming(search: StudyRecord, **changes: Any) -> StudyRecord:
    return replace(search, name=confirmation_name(search.name), **changes)


def auditing(search: StudyRecord, **changes: Any) -> StudyRecord:
    return replace(search, name=audit_name(search.name), **changes)


def retraining(number: int, searched: int, repetition: int, **changes: Any) -> TrialRecord:
    facts = {SEARCHED: str(searched), REPETITION: str(repetition)}
    return make_trial(number, **{"facts": facts, **changes})


def going_on(number: int, searched: int, **changes: Any) -> TrialRecord:
    """Returns a trial of an audit."""
    return make_trial(number, **{"facts": {SEARCHED: str(searched)}, **changes})


def show_search(display: Display, study: StudyRecord, *, n_trials: int = BUDGET // N_EPOCHS, **changes: Any) -> None:
    """Shows a search from its beginning to its end."""
    display.study_opened(study, [], Budget(n_epochs=BUDGET))
    for number in range(n_trials):
        for trial in epochs_of(make_trial(number, **changes)):
            display.trial_changed(trial)
    display.study_ended(study)


def show_confirmation(
    display: Display, study: StudyRecord, values: Sequence[float | None], *, searched: int, test: Mapping[str, float]
) -> None:
    """Shows a confirmation from its beginning to its end."""
    display.study_opened(study, [], Budget())
    for number, value in enumerate(values):
        display.trial_changed(retraining(number, searched, number, state=COMPLETE, value=value))
    display.study_ended(replace(study, test=test))


def show_all(of: Callable[[str], Display], comparison: Comparison) -> None:
    """Shows a comparison from its beginning to its end; trial 3 is the best of each search."""
    for index in range(len(comparison.plans)):
        search = made(comparison, index)
        show_search(of(search.name), search)
        confirmation = confirming(search)
        test = {"trial": 0.0, "test_accuracy": 0.515}
        show_confirmation(of(confirmation.name), confirmation, [0.52, 0.5], searched=3, test=test)


def search(progress: ComparisonProgress, index: int, n_trials: int, *, has_ended: bool = False) -> StudyRecord:
    """Tells `progress` of a search with so many trials; returns its record."""
    study = made(progress.comparison, index)
    progress.find(study.name)[1].open(study, [], Budget(n_epochs=BUDGET))
    tally = progress.studies[study.name].search
    for number in range(n_trials):
        tally.change(make_trial(number))
    if has_ended:
        progress.ended(study.name, study)
    return study


def epochs_of(trial: TrialRecord) -> list[TrialRecord]:
    """Returns the states that `trial` went through, as a driver shows them."""
    running = replace(trial, state="RUNNING", value=None, ended_ms=None, reason=None, error=None, facts={})
    return [*(replace(running, epochs=trial.epochs[:n]) for n in range(trial.n_epochs + 1)), trial]
