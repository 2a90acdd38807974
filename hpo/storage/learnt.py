"""Trials of earlier studies that a study's sampler learns from: copied into its record, shown to its sampler alone.

They are none of its own trials: neither its budget nor its best trial, its pruner or MLflow sees them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from hpo.contracts.records import COMPLETE, PRUNED
from hpo.storage.record import STUDY, read_distributions, read_trials, study_attrs

Json = Any


def check_sources(
    storage: BaseStorage,
    name: str,
    sources: Sequence[str],
    space: Mapping[str, BaseDistribution],
    *,
    metric: str,
    direction: str,
) -> None:
    """Refuses studies that study `name` cannot learn from; changes nothing.

    Raises:
        ValueError: naming the first of them and why.
    """
    there = study_attrs(storage)
    for source in sources:
        where = f"study.learn_from=[{source}]"
        if source == name:
            raise ValueError(f"{where} is the study itself; name earlier ones.")
        if source not in there or STUDY not in there[source]:
            raise ValueError(f"{where}: there is no such study in this record; `hpo show` lists those there are.")
        study = there[source][STUDY]
        if study["metric"] != metric or study["direction"] != direction:
            raise ValueError(
                f"{where} is about {study['metric']}, to {study['direction']}; this study is to {direction} {metric}."
            )
        other = read_distributions(storage, source)
        if other != space:
            differing = [path for path in sorted({*other, *space}) if other.get(path) != space.get(path)]
            raise ValueError(f"{where} has another space: {', '.join(differing)} differ; name studies of an equal one.")
        if not _copied(storage, source):
            raise ValueError(f"{where} has no complete or pruned trial to learn from; name another.")


def copy_trials(storage: BaseStorage, sources: Sequence[str]) -> list[Json]:
    """Returns what a study notes of the trials of others: all that are complete or pruned, the oldest study first."""
    return [noted for source in sources for noted in _copied(storage, source)]


def _copied(storage: BaseStorage, source: str) -> list[Json]:
    metric = study_attrs(storage)[source][STUDY]["metric"]
    return [
        {
            "study": source,
            "number": trial.number,
            "state": trial.state,
            "params": dict(trial.params),
            "value": trial.value,
            "curve": [epoch.metrics[metric] for epoch in trial.epochs],
        }
        for trial in read_trials(storage, source)
        if trial.state in (COMPLETE, PRUNED) and trial.value is not None
    ]


def as_trials(noted: Sequence[Json], space: Mapping[str, BaseDistribution]) -> list[FrozenTrial]:
    """Returns trials that were copied as samplers take them, with numbers below those of the study's own."""
    trials: list[FrozenTrial] = []
    for number, entry in enumerate(noted, start=-len(noted)):
        trial = FrozenTrial(
            number=number,
            trial_id=number,
            state=TrialState[entry["state"]],
            value=entry["value"],
            datetime_start=None,
            datetime_complete=None,
            params=entry["params"],
            distributions={path: space[path] for path in entry["params"]},
            user_attrs={},
            system_attrs={},
            intermediate_values=dict(enumerate(entry["curve"], start=1)),
        )
        trials.append(trial)
    return trials
