"""Section 2: what each strategy was given and what it spent, and whether that was the same for all.

What was found with it is none of this section's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING
from hpo.figures.figure import Cell
from hpo.report.analysis.incumbents import counted
from hpo.report.analysis.records import Experiment, Study
from hpo.report.document.content import Block, Column, Section, Table, Text
from hpo.report.reading.deviations import is_within_one_trial, spent

COUNTS = (COMPLETE, PRUNED, FAIL, RUNNING)
LATE = "Trials that ended after the budget was reached are charged here and count nowhere else."


def build_fairness(experiment: Experiment) -> Section:
    """Returns counts of trials, what was charged and spent, and whether that is equal to within one trial."""
    checks = {task: is_within_one_trial(experiment, experiment.of(task=task)) for task in experiment.tasks}
    blocks: list[Block] = [_check(experiment, checks), _trials(experiment), _seconds(experiment)]
    if any(study.confirmed for study in experiment.studies):
        blocks.append(_confirmation(experiment))
    numbers = {
        "strategies": {strategy: _numbers(experiment, strategy) for strategy in experiment.strategies},
        "equal_to_within_one_trial": checks,
    }
    clock = {"strategies": {strategy: _clock(experiment, strategy) for strategy in experiment.strategies}}
    return Section("fairness", "Budgets", blocks, numbers=numbers, clock=clock)


def _check(experiment: Experiment, checks: dict[str, bool]) -> Text:
    given = f"Each study may spend {experiment.budget:g} {experiment.unit}"
    unequal = [task for task, is_equal in checks.items() if not is_equal]
    if not unequal:
        return Text(f"{given}; what the studies spent within it is equal to within one trial.")
    where = f" on {', '.join(unequal)}" if len(checks) > 1 else ""
    return Text(f"{given}; what they spent within it differs by more than one trial{where}.", "warning")


def _trials(experiment: Experiment) -> Table:
    rows: list[Sequence[Cell]] = []
    for strategy in experiment.strategies:
        found = _numbers(experiment, strategy)
        counts = [found["started"], *(found[state.lower()] for state in COUNTS), found["counted"]]
        rows.append([strategy, found["studies"], *counts, found["epochs"], found["spent_min"], found["spent_max"]])
    titles = ["Strategy", "Studies", "Trials started", "complete", "pruned", "failed", "running", "within budget"]
    spent_columns = [Column(f"Spent per study, {which} ({experiment.unit})", ".6g") for which in ("least", "most")]
    columns = [*(Column(title) for title in titles), Column("Epochs charged", ".6g"), *spent_columns]
    return Table("fairness_trials", "Trials and budgets", columns, rows, LATE)


def _seconds(experiment: Experiment) -> Table:
    rows: list[Sequence[Cell]] = []
    for strategy in experiment.strategies:
        found = _clock(experiment, strategy)
        rows.append([strategy, found["seconds"], found["seconds_per_epoch"], found["trained"], found["cached"]])
    columns = [
        Column("Strategy"),
        Column("Worker time charged (s)", ".4g"),
        Column("per epoch (s)", ".3g"),
        Column("Trials trained"),
        Column("taken from an equal trial"),
    ]
    note = "A trial taken from an equal one of another study is charged what that one cost."
    return Table("fairness_seconds", "Time", columns, rows, note)


def _confirmation(experiment: Experiment) -> Table:
    rows: list[Sequence[Cell]] = []
    for strategy in experiment.strategies:
        studies = experiment.of(strategy=strategy)
        rows.append([strategy, *_confirmed(studies).values(), _confirmation_seconds(studies)])
    titles = ["Strategy", "Configurations", "Retrainings", "of these failed"]
    columns = [*(Column(title) for title in titles), Column("Epochs", ".6g"), Column("Worker time (s)", ".4g")]
    note = "Outside the search budget, under the same rule for all."
    return Table("fairness_confirmation", "Cost of confirmation", columns, rows, note)


def _numbers(experiment: Experiment, strategy: str) -> dict[str, float]:
    studies = experiment.of(strategy=strategy)
    trials = [trial for study in studies for trial in study.trials]
    states = Counter(trial.state for trial in trials)
    within = [len(counted(study.trials, unit=experiment.unit, budget=experiment.budget)) for study in studies]
    amounts = [spent(experiment, study) for study in studies]
    numbers: dict[str, float] = {
        "studies": len(studies),
        "started": len(trials),
        **{state.lower(): states[state] for state in COUNTS},
        "counted": sum(within),
        "epochs": sum(trial.epochs for trial in trials if trial.state != RUNNING),
        "spent_min": min(amounts),
        "spent_max": max(amounts),
    }
    return numbers | {f"confirmation_{key}": value for key, value in _confirmed(studies).items()}


def _confirmed(studies: Sequence[Study]) -> dict[str, float]:
    confirmed = [each for study in studies for each in study.confirmed]
    return {
        "configurations": len(confirmed),
        "retrainings": sum(len(each.values) + each.n_failed for each in confirmed),
        "failed": sum(each.n_failed for each in confirmed),
        "epochs": sum(each.epochs for each in confirmed),
    }


def _confirmation_seconds(studies: Sequence[Study]) -> float:
    return sum(each.seconds for study in studies for each in study.confirmed)


def _clock(experiment: Experiment, strategy: str) -> dict[str, float | None]:
    """Returns what depends on clocks, and on which of two equal trials came first."""
    studies = experiment.of(strategy=strategy)
    trials = [trial for study in studies for trial in study.finished]
    seconds, epochs = sum(trial.seconds for trial in trials), sum(trial.epochs for trial in trials)
    n_cached = sum(trial.is_cached for trial in trials)
    return {
        "seconds": seconds,
        "seconds_per_epoch": seconds / epochs if epochs else None,
        "trained": len(trials) - n_cached,
        "cached": n_cached,
        "confirmation_seconds": _confirmation_seconds(studies),
    }
