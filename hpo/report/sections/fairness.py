"""Section 2: what each strategy was given and what it spent, and whether that was the same for all.

What was found with it is none of this section's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING
from hpo.figures.figure import Cell
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.incumbents import counted_trials
from hpo.report.analysis.phrases import budget_text
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Column, Section, Table, Text
from hpo.report.reading.deviations import is_within_one_trial, spent
from hpo.report.sections.tables import Record, nested, table

COUNTS = (COMPLETE, PRUNED, FAIL, RUNNING)
LATE = "Trials that ended after the budget was reached are charged here and count nowhere else."


def build_fairness(analysis: Analysis) -> Section:
    """Returns counts of trials, what was charged and spent, and whether that is equal to within one trial."""
    experiment = analysis.experiment
    checks = {task: is_within_one_trial(experiment, experiment.of(task=task)) for task in experiment.tasks}
    counts, clocks = ([read(experiment, name) for name in experiment.strategies] for read in (_counts, _clock))
    blocks: list[Block] = [_check(experiment, checks), _trials(experiment, counts), _seconds(experiment, clocks)]
    if any(study.confirmed for study in experiment.studies):
        both = [{**count, **clock} for count, clock in zip(counts, clocks, strict=True)]
        blocks.append(_confirmation(experiment, both))
    numbers, clock = ({"strategies": nested(records, by=["strategy"])} for records in (counts, clocks))
    return Section("fairness", "Budgets", blocks, numbers | {"equal_to_within_one_trial": checks}, clock)


def _check(experiment: Experiment, checks: dict[str, bool]) -> Text:
    given = f"Each study may spend {budget_text(experiment)}"
    unequal = [task for task, is_equal in checks.items() if not is_equal]
    if not unequal:
        return Text(f"{given}; what the studies spent within it is equal to within one trial.")
    where = f" on {', '.join(unequal)}" if len(checks) > 1 else ""
    return Text(f"{given}; what they spent within it differs by more than one trial{where}.", "warning")


def _trials(experiment: Experiment, counts: Sequence[Record]) -> Table:
    columns: dict[str, str | Column] = {
        "strategy": "Strategy",
        "studies": "Studies",
        "started": "Trials started",
        "complete": "complete",
        "pruned": "pruned",
        "fail": "failed",
        "running": "running",
        "counted": "within budget",
        "epochs": Column("Epochs charged", ".6g"),
        "spent_min": Column(f"Spent per study, least ({experiment.unit})", ".6g"),
        "spent_max": Column(f"Spent per study, most ({experiment.unit})", ".6g"),
    }
    return table(experiment, "fairness_trials", "Trials and budgets", columns, counts, LATE)


def _seconds(experiment: Experiment, clocks: Sequence[Record]) -> Table:
    columns: dict[str, str | Column] = {
        "strategy": "Strategy",
        "seconds": Column("Worker time charged (s)", ".4g"),
        "seconds_per_epoch": Column("per epoch (s)", ".3g"),
        "trained": "Trials trained",
        "cached": "taken from an equal trial",
    }
    note = "A trial taken from an equal one of another study is charged what that one cost."
    return table(experiment, "fairness_seconds", "Time", columns, clocks, note)


def _confirmation(experiment: Experiment, records: Sequence[Record]) -> Table:
    columns: dict[str, str | Column] = {
        "strategy": "Strategy",
        "confirmation_configurations": "Configurations",
        "confirmation_retrainings": "Retrainings",
        "confirmation_failed": "of these failed",
        "confirmation_epochs": Column("Epochs", ".6g"),
        "confirmation_seconds": Column("Worker time (s)", ".4g"),
    }
    note = "Outside the search budget, under the same rule for all."
    return table(experiment, "fairness_confirmation", "Cost of confirmation", columns, records, note)


def _counts(experiment: Experiment, strategy: str) -> dict[str, Cell]:
    studies = experiment.of(strategy=strategy)
    trials = [trial for study in studies for trial in study.trials]
    confirmed = [confirmed for study in studies for confirmed in study.confirmed]
    states = Counter(trial.state for trial in trials)
    amounts = [spent(experiment, study) for study in studies]
    return {
        "strategy": strategy,
        "studies": len(studies),
        "started": len(trials),
        **{state.lower(): states[state] for state in COUNTS},
        "counted": sum(len(counted_trials(experiment, study)) for study in studies),
        "epochs": sum(trial.epochs for trial in trials if trial.state != RUNNING),
        "spent_min": min(amounts),
        "spent_max": max(amounts),
        "confirmation_configurations": len(confirmed),
        "confirmation_retrainings": sum(len(one.values) + one.n_failed for one in confirmed),
        "confirmation_failed": sum(one.n_failed for one in confirmed),
        "confirmation_epochs": sum(one.epochs for one in confirmed),
    }


def _clock(experiment: Experiment, strategy: str) -> dict[str, Cell]:
    """Returns what depends on clocks, and on which of two equal trials came first."""
    studies = experiment.of(strategy=strategy)
    trials = [trial for study in studies for trial in study.finished]
    seconds, epochs = sum(trial.seconds for trial in trials), sum(trial.epochs for trial in trials)
    n_cached = sum(trial.is_cached for trial in trials)
    return {
        "strategy": strategy,
        "seconds": seconds,
        "seconds_per_epoch": seconds / epochs if epochs else None,
        "trained": len(trials) - n_cached,
        "cached": n_cached,
        "confirmation_seconds": sum(one.seconds for study in studies for one in study.confirmed),
    }
