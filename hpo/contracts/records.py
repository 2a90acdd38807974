"""Frozen facts read back from the record: one study, its trials, their epochs.

Plain data; `storage` reads them, `storage.store` writes them, `tracking.tracker` and the reports show them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hpo.config.override_text import override_line
from hpo.config.schema import Direction
from hpo.config.search import ParamValue

REASON = "reason"  # user attribute: why a trial failed

TEST_VALUE = "test_value"  # fact of a trial: its own test metric after its last epoch
CONTINUED = "continued_value"  # fact of a trial that was stopped: its metric had it gone on to its end, or "diverged"

ORIGIN = "hpo:origin"  # system attribute of a trial, and under `origin` a fact: who said what it is, if not the sampler
ENQUEUED, PRIOR, REPEATED = "enqueued", "prior", "repeated"  # the user; the space's priors; the nearest to a repetition
SEARCHED, REPETITION = "searched_trial", "repetition"  # facts of a trial

UNREPORTED_S = "unreported_s"  # fact of a trial: the seconds of the epoch in which it diverged, where they are known
DIVERGED = "diverged"  # reason of a trial that failed in an epoch it had begun

COST = "gradient_cost"  # metric of an epoch: the gradients that it took, over those of a plain one

RUNNING, COMPLETE, PRUNED, FAIL = "RUNNING", "COMPLETE", "PRUNED", "FAIL"


def test_name(metric: str) -> str:
    """Returns the metric of the test part that belongs to one of the valid part."""
    return f"test_{metric.removeprefix('valid_')}"


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: its number from 1, what was measured, and when it ended (ms since 1970, UTC)."""

    epoch: int
    metrics: Mapping[str, float]
    ended_ms: int


@dataclass(frozen=True)
class Leg:
    """A part of a trial that may pause: the study's number `turn`, to a pause after epoch `until`, or to its end."""

    turn: int
    until: int | None


@dataclass(frozen=True)
class TrialRecord:
    """One evaluation of params.

    Attributes:
        number: From 0, unique in the study.
        state: RUNNING, COMPLETE, PRUNED or FAIL.
        params: Searched values by config path.
        value: The study's metric after the last epoch; None unless COMPLETE or PRUNED.
        seed: The trial's own seed.
        attempt: Which try this is, from 1.
        epochs: In order, without gaps.
        started_ms, ended_ms: Milliseconds since 1970, UTC; ended_ms is None while RUNNING.
        reason, error: Set when FAIL.
        facts: device, host, precision, threads, n_params...
        began_ms: When its last attempt began; 0 if that was not noted.
        legs: Its parts so far, where trials pause and are promoted; else empty.
        is_paused: Whether it stands at the end of its last leg: RUNNING, and nobody works on it.
    """

    number: int
    state: str
    params: Mapping[str, ParamValue]
    value: float | None
    seed: int
    attempt: int
    epochs: tuple[EpochRecord, ...]
    started_ms: int
    ended_ms: int | None = None
    reason: str | None = None
    error: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    began_ms: int = 0
    legs: tuple[Leg, ...] = ()
    is_paused: bool = False

    @property
    def n_epochs(self) -> int:
        return len(self.epochs)

    @property
    def turn(self) -> int:
        """When it was last begun, in the order of the study: its number, unless it was promoted."""
        return self.legs[-1].turn if self.legs else self.number

    @property
    def is_waiting(self) -> bool:
        """Whether it is paused, or was when its study ended."""
        return self.is_paused or (self.state == PRUNED and self.is_due)

    @property
    def n_before(self) -> int:
        """Epochs after which it was paused last, before its newest leg."""
        return (self.legs[-2].until if len(self.legs) > 1 else None) or 0

    @property
    def is_due(self) -> bool:
        """Whether it has done all epochs of a leg after which it pauses."""
        return bool(self.legs) and self.legs[-1].until is not None and self.n_epochs >= self.legs[-1].until

    @property
    def n_charged(self) -> int:
        """Epochs that count against the budget: one at least once it ended, or failures at the start would be free.

        Epochs that cost more than plain ones count by what they cost, rounded up; one that was begun and diverged
        counts, too.
        """
        n = math.ceil(sum(epoch.metrics.get(COST, 1.0) for epoch in self.epochs) - 1e-9) + (self.reason == DIVERGED)
        return max(n, 1) if self.is_finished else n

    @property
    def seconds(self) -> float:
        """Seconds of training and validation, summed over its epochs, and `unreported_s`."""
        return sum(epoch.metrics.get("seconds", 0.0) for epoch in self.epochs) + self.unreported_s

    @property
    def unreported_s(self) -> float:
        """Seconds that no epoch reports: of the one in which it diverged, or until its failure where there was none.

        By its facts, where they say so, or else by the clock.
        """
        if self.ended_ms is None or (self.epochs and self.reason != DIVERGED):
            return 0.0
        began_ms = max(self.began_ms or self.started_ms, self.epochs[-1].ended_ms if self.epochs else 0)
        seconds = float(self.facts.get(UNREPORTED_S, (self.ended_ms - began_ms) / 1000))
        return max(seconds, 0.0 if self.epochs else 0.001)  # or failures at the start would be free

    @property
    def duration_s(self) -> float:
        """Seconds that were spent on it, 0 while it runs: those of its epochs, or else of its last attempt.

        From its start to its end there may be nights in which nobody drove the study.
        """
        if self.ended_ms is None:
            return 0.0
        if any("seconds" in epoch.metrics for epoch in self.epochs):
            return self.seconds
        return max(self.ended_ms - (self.began_ms or self.started_ms), 0) / 1000

    @property
    def is_finished(self) -> bool:
        return self.state != RUNNING


@dataclass(frozen=True)
class StudyRecord:
    """One sampler + one seed, many trials.

    Attributes:
        name: Unique in the storage.
        uid: Unique anywhere; made when the study was created.
        experiment: The experiment it belongs to (MLflow's experiment name).
        metric, direction: What is optimised and whether "minimize" or "maximize".
        tags: sampler, pruner, seed, data, space, data_fingerprint, git_commit, host...
        config: The composed configuration as plain nested data, secrets masked.
        space: The space as plain nested data.
        corpus: Facts of the prepared data: fingerprint, source, n_train, n_valid, n_test,
            n_classes, n_vocab; empty for trainers without data.
        folder: The study's folder.
        created_ms: Milliseconds since 1970, UTC.
        test: Test metrics of the best trial once evaluated, with its trial number.
        honest: What the chosen configuration is worth; see `contracts.honest`.
        words: What to type behind `hpo`, beside params, to train as it does.
        command: What began it, passwords masked; "" where it was no command line.
    """

    name: str
    uid: str
    experiment: str
    metric: str
    direction: str
    tags: Mapping[str, str]
    config: Mapping[str, object]
    space: Mapping[str, object]
    corpus: Mapping[str, ParamValue]
    folder: str
    created_ms: int
    test: Mapping[str, float] = field(default_factory=dict)
    honest: Mapping[str, float] = field(default_factory=dict)
    words: str = ""
    command: str = ""

    def retraining(self, params: Mapping[str, ParamValue]) -> str:
        """Returns what to type behind `hpo` to train these params of its space once; what they leave out stays."""
        own: dict[str, object] = {}
        for section, names in self.space.items():
            fixed, searched = self.config.get(section), names if isinstance(names, Mapping) else {}
            own |= {f"{section}.{name}": fixed.get(name) for name in searched if isinstance(fixed, Mapping)}
        return f"{self.words} {override_line(own | dict(params) | {'study.n_trials': 1})}".strip()

    @property
    def is_recorded(self) -> bool:
        """Whether its trials are looked up in a table of recorded curves, so that there is nothing to train again."""
        return "table" in self.tags

    def exhausts_table(self, trials: Sequence[TrialRecord]) -> bool:
        """Returns whether finished trials have had every configuration of the table: their best is the table's."""
        n_there = int(self.tags.get("n_configurations", 0))
        return 0 < n_there <= len({repr(sorted(trial.params.items())) for trial in trials if trial.is_finished})

    def best(self, trials: Sequence[TrialRecord]) -> TrialRecord | None:
        """Returns the COMPLETE trial with the best value (the earliest on ties), or None."""
        return next(iter(self.ranked(trials)), None)

    def ranked(self, trials: Sequence[TrialRecord]) -> list[TrialRecord]:
        """Returns the COMPLETE trials with a value, the best first (the earliest on ties)."""
        complete = [trial for trial in trials if trial.state == COMPLETE and trial.value is not None]
        return sorted(complete, key=lambda trial: (self.sign * (trial.value or 0.0), trial.number))

    @property
    def sign(self) -> float:
        """1 when lower values are better, -1 when higher ones are."""
        return Direction(self.direction).sign

    @property
    def test_metric(self) -> str:
        """The metric of the test part that belongs to what is optimised."""
        return test_name(self.metric)


@dataclass(frozen=True)
class EncoderRecord:
    """One language model that was trained before trials, as it is shown.

    Attributes:
        name: Its folder in the cache.
        uid: Equal for equal encoders.
        experiment: The experiment of the study that it is shown beside.
        folder: That study's folder.
        tags, params: What it is, and how it is trained.
        epochs: In order, without gaps: perplexity among the metrics.
        started_ms, ended_ms: Milliseconds since 1970, UTC; ended_ms is None while it is being trained.
        state: RUNNING, COMPLETE or FAIL.
        error: Set when FAIL.
    """

    name: str
    uid: str
    experiment: str
    folder: str
    tags: Mapping[str, str]
    params: Mapping[str, ParamValue]
    epochs: tuple[EpochRecord, ...]
    started_ms: int
    ended_ms: int | None = None
    state: str = RUNNING
    error: str = ""


@dataclass(frozen=True)
class Budget:
    """The total a study may spend; None means unlimited.

    Attributes:
        n_trials: Finished trials, whatever their state.
        timeout_s: Seconds of driving, summed over all drivers of the study.
        n_epochs: Epochs that all trials are charged.
        trials_s: Seconds of training, summed over all trials.
    """

    n_trials: int | None = None
    timeout_s: float | None = None
    n_epochs: int | None = None
    trials_s: float | None = None

    def counted(self, trials: Sequence[TrialRecord], *, is_ordered: bool = False) -> list[TrialRecord]:
        """Returns the finished trials that ended within the budget, in the order of their ends.

        With ordered results that is the order of their turns, whenever each ended. A trial that was
        running when the budget was reached is finished, but comes too late to count.
        """
        counted: list[TrialRecord] = []
        n_epochs, seconds = 0, 0.0
        finished = [trial for trial in trials if trial.is_finished]
        for trial in sorted(finished, key=lambda t: (0 if is_ordered else t.ended_ms or 0, t.turn)):
            n_epochs += trial.n_charged
            seconds += trial.seconds
            is_late = (
                (self.n_trials is not None and len(counted) >= self.n_trials)
                or (self.n_epochs is not None and n_epochs > self.n_epochs)
                or (self.trials_s is not None and seconds > self.trials_s)
            )
            if is_late:
                break
            counted.append(trial)
        return counted
