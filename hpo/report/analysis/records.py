"""The plain records a report is made of: an experiment, its studies, their trials.

Where they come from (the record, a CSV of another tuner) is the readers' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from hpo.config.schema import Direction
from hpo.config.search import ParamValue
from hpo.contracts.records import COMPLETE
from hpo.report.analysis.recorded import Recorded

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Unit = Literal["epochs", "trials", "seconds"]
MANY_TASKS = 8
Place = tuple[str, int]
"""A task and a seed: what pairs the studies of several strategies."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One evaluation of params, as the analysis sees it.

    Attributes:
        number: From 0, unique in its study.
        state: RUNNING, COMPLETE, PRUNED or FAIL.
        value: The metric after its last epoch; finite; None when FAIL or RUNNING, or PRUNED and unknown.
        epochs: Epochs it is charged; those of the original when it was cached.
        seconds: Worker seconds it is charged; those of the original when it was cached.
        ended_s: When it ended on the study's own clock, seconds from the study's start; None while RUNNING.
        params: By config path; empty when unknown.
        curve: The metric after every epoch; empty when unknown.
        test: Its own test value, where the source has one for every trial (recorded tables, CSV).
        continued: What a PRUNED trial would have come to at its end, from an audit or a recorded table; `math.inf`
            if it would have diverged, whatever the direction; None when nobody knows.
        reason: Why it failed: diverged, oom, error, timeout, crash-loop.
        is_cached: Whether its training was taken from an equal trial of another study.
        n_promotions: How often it went on after a pause.
        is_waiting: Whether it is paused, or was when its study ended.
        origin: Who said what it is, if not the sampler: enqueued, prior, or repeated for the nearest to a repetition.
        schedule: Settings that moved inside its training, `lr` and `drop_mult`, after every epoch; empty when none did.
    """

    number: int
    state: str
    value: float | None
    epochs: float
    seconds: float
    ended_s: float | None
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    curve: tuple[float, ...] = ()
    test: float | None = None
    reason: str | None = None
    is_cached: bool = False
    continued: float | None = None
    n_promotions: int = 0
    is_waiting: bool = False
    origin: str = ""
    schedule: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Audit:
    """The training of a random sample of a study's pruned trials to their end, outside the search budget.

    Attributes:
        n_trials: Trials of the sample that have been through it.
        n_failed: Those that failed in it, but not by diverging: what they would have come to is unknown.
        epochs, seconds: What it cost, all epochs from the first on.
        is_ended: Whether the whole sample has been through it.
    """

    n_trials: int
    n_failed: int
    epochs: float
    seconds: float
    is_ended: bool = True


@dataclass(frozen=True)
class Confirmed:
    """One of a study's best configurations, trained again with fresh seeds outside the search budget.

    Attributes:
        trial: Number of the trial whose params it has.
        searched: The value that trial had in the search.
        values: Validation values of the retrainings that ended well, one a seed.
        tests: Test values of those retrainings; empty unless this is the configuration that was chosen.
        n_failed: Retrainings that failed.
        epochs, seconds: What the retrainings cost.
    """

    trial: int
    searched: float
    values: tuple[float, ...]
    tests: tuple[float, ...]
    n_failed: int
    epochs: float
    seconds: float


@dataclass(frozen=True)
class Baseline:
    """What a linear model of the words reaches on a study's own texts, in the metric of the study.

    Attributes:
        valid, test: On the part of that name; None where it was not measured.
    """

    valid: float | None
    test: float | None


@dataclass(frozen=True)
class Study:
    """One strategy with one seed on one task.

    Attributes:
        name: Unique in the experiment.
        task: What is optimised on; studies of one task are comparable in their values.
        strategy: The name of the way of searching.
        seed: Pairs the studies of all strategies on a task.
        trials: In the order in which they ended (running ones last).
        confirmed: In the order of the search's values; empty when nothing was confirmed.
        is_ended: Whether its driver reached the budget.
        facts: What its strategy and surroundings were: sampler, pruner, device, n_workers, host, hpo_version…
        audit: What its audit cost; None without one, as where a recorded table knows how every trial goes on.
        baseline: What its networks have to beat; None where nothing is known of one, as without texts.
        recorded: What its trials can be trained again from; None where there is nothing to train, or nothing known.
    """

    name: str
    task: str
    strategy: str
    seed: int
    trials: tuple[Trial, ...]
    confirmed: tuple[Confirmed, ...] = ()
    is_ended: bool = True
    facts: Mapping[str, str] = field(default_factory=dict)
    audit: Audit | None = None
    baseline: Baseline | None = None
    recorded: Recorded | None = None

    @cached_property
    def finished(self) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.state != "RUNNING")

    @cached_property
    def complete(self) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.state == COMPLETE and trial.value is not None)


@dataclass(frozen=True)
class Experiment:
    """Several studies answering one question.

    Attributes:
        name: As people know it.
        metric: Name of the optimised quantity, with `direction`.
        unit, budget: The primary budget each study may spend; budget is the smallest of all studies when
            they were not given the same.
        budgets: By task, where they differ: the smallest of its studies; `budget` is the largest of them then.
        is_least: Whether the budget is that smallest one, which nobody gave: then a study whose first COMPLETE trial
            ended beyond it is not compared, as it did nothing wrong.
        is_incumbent: Whether a trial's value is the best so far in its study, as most published trajectories have it,
            and no evaluation: then nothing is known of single trials.
        rope: Region of practical equivalence: differences up to this size, in units of the metric, do not matter.
        studies: Grouped by task, then strategy, then seed, in the order of the design.
        card: The design card as plain nested data; empty when the studies were not registered beforehand.
        card_hash: SHA-256 of the card; "" without one.
        amendments: Each change made to the design after trials had run, as a sentence.
        deviations: What the reader found that departs from the design: missing seeds, unequal budgets…, as sentences.
        spaces: Search space of each task by param; empty when unknown.
        facts: versions, git commit, command line… for the last section.
        notes: Sentences a reader of the report must know, e.g. how proposals were mapped to a recorded table.
        shown: Tasks that are shown one by one; None: all of a few, none of many.
        is_part: Whether these are the studies of some of its tasks.
    """

    name: str
    metric: str
    direction: Direction
    unit: Unit
    budget: float
    rope: float
    studies: tuple[Study, ...]
    card: Mapping[str, object] = field(default_factory=dict)
    card_hash: str = ""
    amendments: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    spaces: Mapping[str, Mapping[str, BaseDistribution]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_least: bool = False
    is_incumbent: bool = False
    budgets: Mapping[str, float] = field(default_factory=dict)
    shown: tuple[str, ...] | None = None
    is_part: bool = False

    def budget_on(self, task: str) -> float:
        """Returns the budget of studies of a task."""
        return self.budgets.get(task, self.budget)

    @cached_property
    def strategies(self) -> tuple[str, ...]:
        """Names in the order of the design; a strategy's place fixes its colour."""
        return tuple(dict.fromkeys(study.strategy for study in self.studies))

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(study.task for study in self.studies))

    def of(self, *, task: str | None = None, strategy: str | None = None) -> tuple[Study, ...]:
        """Returns the studies of a task, of a strategy, or of both."""
        return self._of.get((task, strategy), ())

    @cached_property
    def remembered(self) -> dict[tuple[object, ...], tuple[Study, Any]]:
        """What was computed of a study, with that study, so that many may ask."""
        return {}

    @cached_property
    def _of(self) -> Mapping[tuple[str | None, str | None], tuple[Study, ...]]:
        groups: dict[tuple[str | None, str | None], list[Study]] = {(None, None): []}
        for study in self.studies:
            for place in product((None, study.task), (None, study.strategy)):
                groups.setdefault(place, []).append(study)
        return {place: tuple(studies) for place, studies in groups.items()}

    @property
    def sign(self) -> float:
        """1 when lower is better, -1 when higher is: a value times it is a loss."""
        return Direction(self.direction).sign

    @property
    def shown_sign(self) -> float:
        """What turns differences of losses into those shown: regrets, over several tasks, are shown as they are."""
        return 1.0 if self.has_tasks else self.sign

    @property
    def better(self) -> str:
        """Which values are better: lower or higher."""
        return Direction(self.direction).better

    @property
    def has_tasks(self) -> bool:
        """Whether there are several tasks, to be told apart wherever one is spoken of."""
        return self.is_part or len(self.tasks) > 1

    @property
    def has_many_tasks(self) -> bool:
        """Whether there are too many tasks to show each of them unasked."""
        return len(self.tasks) > MANY_TASKS

    @property
    def shown_tasks(self) -> tuple[str, ...]:
        """The tasks that are shown one by one."""
        every = () if self.has_many_tasks else self.tasks
        return every if self.shown is None else self.shown

    def closely(self) -> Experiment:
        """Returns the part of the experiment that is shown task by task."""
        if self.shown_tasks == self.tasks:
            return self
        studies = tuple(study for study in self.studies if study.task in self.shown_tasks)
        return replace(self, studies=studies, shown=self.shown_tasks, is_part=True)

    @property
    def paired_by(self) -> str:
        """What n counts: seed, or task where there are several."""
        return "task" if self.has_tasks else "seed"

    @property
    def quantity(self) -> str:
        """What differences between strategies are measured in."""
        if not self.has_tasks:
            return self.metric
        return "scaled value" if self.is_incumbent else "normalised regret"

    def on(self, task: str) -> str:
        """Returns ` on TASK` where there are several."""
        return f" on {task}" if self.has_tasks else ""
