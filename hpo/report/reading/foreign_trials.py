"""Trials that somebody else's tuner made, put together to studies, whatever they were read from.

How they are read is the business of `csv_trials` and `optuna_studies`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from hpo.contracts.records import RUNNING
from hpo.report.analysis.phrases import count
from hpo.report.analysis.records import Study, Trial

LARGEST = 1e100  # numbers beyond it count as infinite: penalties, whose squares and sums no float can hold
StudyPlace = tuple[str, str, int]
"""Task, strategy and seed of a study."""


@dataclass(frozen=True, slots=True)
class ReadTrial:
    """A trial, the study it belongs to, and whether a COMPLETE one without a value was made a failed one."""

    place: StudyPlace
    trial: Trial
    is_imputed: bool


def imputed(read: Sequence[ReadTrial]) -> tuple[str, ...]:
    """Returns a sentence on each strategy with COMPLETE trials that were made failed ones."""
    counts: dict[str, int] = {}
    for each in read:
        if each.is_imputed:
            counts[each.place[1]] = counts.get(each.place[1], 0) + 1
    return tuple(
        f"{strategy}: {count(n, 'COMPLETE trial')} without a finite value (up to {LARGEST:g}) charged as failed."
        for strategy, n in counts.items()
    )


def to_studies(read: Sequence[ReadTrial]) -> tuple[Study, ...]:
    """Returns the studies: tasks and strategies in the order of the trials, seeds ascending."""
    trials: dict[StudyPlace, list[Trial]] = {}
    for each in read:
        trials.setdefault(each.place, []).append(each.trial)
    tasks = list(dict.fromkeys(task for task, _, _ in trials))
    strategies = list(dict.fromkeys(strategy for _, strategy, _ in trials))
    order = sorted(trials, key=lambda place: (tasks.index(place[0]), strategies.index(place[1]), place[2]))
    return tuple(
        Study(
            name=" / ".join([*([place[0]] if len(tasks) > 1 else []), place[1], f"seed {place[2]}"]),
            task=place[0],
            strategy=place[1],
            seed=place[2],
            trials=_in_order(trials[place]),
            is_ended=all(trial.state != RUNNING for trial in trials[place]),
        )
        for place in order
    )


def _in_order(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Returns the trials as they ended: by the clock if all have one, else by number, one after the other."""
    ended = [trial for trial in trials if trial.state != RUNNING]
    running = sorted((trial for trial in trials if trial.state == RUNNING), key=lambda trial: trial.number)
    ended.sort(key=lambda trial: trial.number)
    clock = {trial.number: trial.ended_s for trial in ended if trial.ended_s is not None}
    if len(clock) == len(ended):
        ended.sort(key=lambda trial: clock[trial.number])
    else:
        ends = accumulate(trial.seconds for trial in ended)
        ended = [replace(trial, ended_s=ended_s) for trial, ended_s in zip(ended, ends, strict=True)]
    return (*ended, *(replace(trial, ended_s=None) for trial in running))
