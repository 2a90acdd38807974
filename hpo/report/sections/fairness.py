"""Section 2: what each strategy was given and what it spent, and whether that was the same for all.

What was found with it is none of this section's business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from hpo.contracts.records import COMPLETE, ENQUEUED, FAIL, PRIOR, PRUNED, REPEATED, RUNNING
from hpo.report.analysis.analysis import Analysis
from hpo.report.analysis.incumbents import counted_trials
from hpo.report.analysis.phrases import budget_text
from hpo.report.analysis.records import Experiment
from hpo.report.document.content import Block, Section, Text
from hpo.report.reading.deviations import is_within_one_trial, spent
from hpo.report.sections.tables import Field, numbers, table

LATE = "Trials that ended after the budget was reached are charged here and count nowhere else."
CACHED = "A trial taken from an equal one of another study is charged what that one cost."
TOLD = "Trials whose params the sampler did not choose alone, and trials that waited; all are charged like any other."
OUTSIDE = "Outside the search budget, under the same rule for all."


class Spending:
    """What the studies of a strategy did and spent, over all tasks and seeds."""

    def __init__(self, experiment: Experiment, strategy: str) -> None:
        self.strategy, self.studies = strategy, experiment.of(strategy=strategy)
        self.trials = [trial for study in self.studies for trial in study.trials]
        self.states = Counter(trial.state for trial in self.trials)
        self.origins = Counter(trial.origin for trial in self.trials)
        learnt = [study.facts["learn_from"] for study in self.studies if "learn_from" in study.facts]
        self.learnt_from = {name for names in learnt for name in names.split(", ")}
        self.confirmed = [confirmed for study in self.studies for confirmed in study.confirmed]
        self.amounts = [spent(experiment, study) for study in self.studies]
        self.n_counted = sum(len(counted_trials(experiment, study)) for study in self.studies)
        finished = [trial for trial in self.trials if trial.state != RUNNING]
        self.epochs, self.seconds = sum(trial.epochs for trial in finished), sum(trial.seconds for trial in finished)
        self.n_finished, self.n_cached = len(finished), sum(trial.is_cached for trial in finished)


STRATEGY = Field[Spending]("", "Strategy", lambda of: of.strategy)
CLOCK: Sequence[Field[Spending]] = (  # depends on clocks, and on which of two equal trials came first
    Field("seconds", "Worker time charged (s)", lambda of: of.seconds),
    Field("seconds_per_epoch", "per epoch (s)", lambda of: of.seconds / of.epochs if of.epochs else None, ".3g"),
    Field("trained", "Trials trained", lambda of: of.n_finished - of.n_cached),
    Field("cached", "taken from an equal trial", lambda of: of.n_cached),
)
CONFIRMATION: Sequence[Field[Spending]] = (
    Field("confirmation_configurations", "Configurations", lambda of: len(of.confirmed)),
    Field("confirmation_retrainings", "Retrainings", lambda of: sum(len(c.values) + c.n_failed for c in of.confirmed)),
    Field("confirmation_failed", "of these failed", lambda of: sum(c.n_failed for c in of.confirmed)),
    Field("confirmation_epochs", "Epochs", lambda of: sum(c.epochs for c in of.confirmed), ".6g"),
)
CONFIRMATION_SECONDS = Field[Spending](
    "confirmation_seconds", "Worker time (s)", lambda of: sum(c.seconds for c in of.confirmed)
)


ORIGINS: Sequence[Field[Spending]] = (
    Field("enqueued", "Given by the user", lambda of: of.origins[ENQUEUED]),
    Field("prior", "drawn from priors", lambda of: of.origins[PRIOR]),
    Field("repeated", "nearest to a repetition", lambda of: of.origins[REPEATED]),
    Field("promotions", "Promotions", lambda of: sum(trial.n_promotions for trial in of.trials)),
    Field("waiting", "Left paused", lambda of: sum(trial.is_waiting for trial in of.trials)),
    Field("learnt_from", "Studies learnt from", lambda of: len(of.learnt_from)),
)


def build_fairness(analysis: Analysis) -> Section:
    """Returns counts of trials, what was charged and spent, and whether that is equal to within one trial."""
    experiment = analysis.experiment
    checks = {task: is_within_one_trial(experiment, experiment.of(task=task)) for task in experiment.tasks}
    strategies = {name: Spending(experiment, name) for name in experiment.strategies}
    spendings = list(strategies.values())
    blocks: list[Block] = [
        _check(experiment, checks),
        table(experiment, "fairness_trials", "Trials and budgets", [STRATEGY, *_counts(experiment)], spendings, LATE),
        table(experiment, "fairness_seconds", "Time", [STRATEGY, *CLOCK], spendings, CACHED),
    ]
    content: dict[str, Any] = {"equal_to_within_one_trial": checks}
    told = {name: numbers(of, ORIGINS) for name, of in strategies.items()}
    if any(any(counts.values()) for counts in told.values()):
        columns = [STRATEGY, *(field for field in ORIGINS if any(counts[field.name] for counts in told.values()))]
        blocks.append(table(experiment, "fairness_origins", "What was no plain trial", columns, spendings, TOLD))
        content["origins"] = told
    if any(study.confirmed for study in experiment.studies):
        columns = [STRATEGY, *CONFIRMATION, CONFIRMATION_SECONDS]
        title = "Cost of confirmation"
        blocks.append(table(experiment, "fairness_confirmation", title, columns, spendings, OUTSIDE))
    counts, clock = [*_counts(experiment), *CONFIRMATION], [*CLOCK, CONFIRMATION_SECONDS]
    content["strategies"] = {name: numbers(of, counts) for name, of in strategies.items()}
    clocks = {"strategies": {name: numbers(of, clock) for name, of in strategies.items()}}
    return Section("fairness", "Budgets", blocks, content, clocks)


def _check(experiment: Experiment, checks: dict[str, bool]) -> Text:
    budget = f"Each study may spend {budget_text(experiment)}"
    unequal = [task for task, is_equal in checks.items() if not is_equal]
    if not unequal:
        return Text(f"{budget}; what the studies spent within it is equal to within one trial.")
    where = f" on {', '.join(unequal)}" if len(checks) > 1 else ""
    return Text(f"{budget}; what they spent within it differs by more than one trial{where}.", "warning")


def _counts(experiment: Experiment) -> list[Field[Spending]]:
    unit = experiment.unit
    return [
        Field("studies", "Studies", lambda of: len(of.studies)),
        Field("started", "Trials started", lambda of: len(of.trials)),
        Field("complete", "complete", lambda of: of.states[COMPLETE]),
        Field("pruned", "pruned", lambda of: of.states[PRUNED]),
        Field("fail", "failed", lambda of: of.states[FAIL]),
        Field("running", "running", lambda of: of.states[RUNNING]),
        Field("counted", "within budget", lambda of: of.n_counted),
        Field("epochs", "Epochs charged", lambda of: of.epochs, ".6g"),
        Field("spent_min", f"Spent per study, least ({unit})", lambda of: min(of.amounts), ".6g"),
        Field("spent_max", f"Spent per study, most ({unit})", lambda of: max(of.amounts), ".6g"),
    ]
