"""Studies as the record holds them, written by hand: for the tests of those who read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpo.contracts.records import EpochRecord, StudyRecord, TrialRecord

CONFIG: Mapping[str, Any] = {
    "seed": 0,
    "study": {"metric": "accuracy", "n_trials": 12, "ordered": False},
    "sampler": {"n_startup_trials": 10},
    "pruner": {"same_epochs": False},
    "space": {"train": {"lr": {"type": "float", "low": 0.001, "high": 0.1, "log": True}}},
    "train": {"lr": 0.01, "batch_size": 32, "schedule": "one_cycle"},
    "trainer": {"noise": 0.01},
    "tracking": {"uri": "sqlite:///mlflow.db"},
    "executor": {"device": "cpu", "threads": 1},
}
TAGS = {
    "sampler": "tpe",
    "pruner": "none",
    "space": "awd_lstm_small",
    "trainer": "synthetic",
    "executor": "inline",
    "seed": "0",
    "data": "none",
    "data_fingerprint": "none",
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested settings with those of `changes`; None takes one away."""
    found = dict(base)
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            found[key] = merged(base[key], value)
        elif value is None:
            found.pop(key, None)
        else:
            found[key] = value
    return found


def recorded_study(
    name: str = "study",
    *,
    tags: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
    metric: str = "accuracy",
    created_ms: int = 0,
) -> StudyRecord:
    direction = "minimize" if metric == "valid_loss" else "maximize"
    return StudyRecord(
        name=name,
        uid=name,
        experiment="e",
        metric=metric,
        direction=direction,
        tags=TAGS | dict(tags or {}),
        config=merged(CONFIG, config or {}),
        space={},
        corpus={},
        folder="",
        created_ms=created_ms,
    )


def recorded_trial(
    number: int,
    values: Sequence[float] = (0.5,),
    *,
    state: str = "COMPLETE",
    ended_ms: int | None = None,
    seconds: float = 2.0,
    reason: str | None = None,
    facts: Mapping[str, str] | None = None,
) -> TrialRecord:
    """A trial with an epoch for each of `values`, which ends at `ended_ms`, else in the order of numbers."""
    epochs = tuple(
        EpochRecord(place, {"accuracy": value, "seconds": seconds}, 1000 * place)
        for place, value in enumerate(values, start=1)
    )
    is_finished = state != "RUNNING"
    return TrialRecord(
        number=number,
        state=state,
        params={"train.lr": 0.01 * (number + 1)},
        value=values[-1] if state in ("COMPLETE", "PRUNED") else None,
        seed=number,
        attempt=1,
        epochs=epochs,
        started_ms=1000,
        ended_ms=(1000 * (number + 2) if ended_ms is None else ended_ms) if is_finished else None,
        reason=reason,
        facts=facts or {},
    )
