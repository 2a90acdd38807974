"""What an MLflow shows of a study, read back in a form two MLflows can be compared by; records to show."""

from __future__ import annotations

import atexit
import math
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from hpo.contracts.records import COMPLETE, FAIL, PRUNED, RUNNING, EncoderRecord, EpochRecord, StudyRecord, TrialRecord
from hpo.tracking.client import open_client

TRACEBACK = "Traceback (most recent call last):\n  ...\nRuntimeError: loss is not finite"


def make_study(folder: Path, **changes: Any) -> StudyRecord:
    study = StudyRecord(
        name="docs-tpe-1",
        uid="0f" * 16,
        experiment="docs tests",
        metric="accuracy",
        direction="maximize",
        tags={"sampler": "tpe", "pruner": "none", "seed": "1", "data": "docs", "git_commit": "abc", "host": "h"},
        config={
            "seed": 1,
            "study": {"name": None, "n_trials": 4, "metric": "accuracy"},
            "train": {"lr": 0.01, "epochs": 3},
            "tracking": {"uri": "sqlite:///x.db"},
        },
        space={"train": {"lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": True}}},
        corpus={"fingerprint": "9a" * 32, "source": "docstrings", "n_train": 80, "n_valid": 10},
        folder=str(folder),
        created_ms=1_700_000_000_000,
    )
    return replace(study, **changes)


def make_encoder(folder: Path, **changes: Any) -> EncoderRecord:
    encoder = EncoderRecord(
        name="encoder-docs-4-8x2-0f",
        uid="e0" * 8,
        experiment="docs tests",
        folder=str(folder),
        tags={"kind": "domain", "data": "docs"},
        params={"model.n_hid": 8, "encoder.epochs": 2},
        epochs=tuple(EpochRecord(epoch, {"perplexity": 100 / epoch}, 1_700_000_000_000 + epoch) for epoch in (1, 2)),
        started_ms=1_700_000_000_000,
        ended_ms=1_700_000_000_002,
        state=COMPLETE,
    )
    return replace(encoder, **changes)


def make_trial(number: int, state: str = COMPLETE, *, n_epochs: int = 3, **changes: Any) -> TrialRecord:
    started_ms = 1_700_000_000_000 + 10_000 * number
    epochs = [make_epoch(started_ms, number, epoch) for epoch in range(1, n_epochs + 1)]
    is_finished = state != RUNNING
    trial = TrialRecord(
        number=number,
        state=state,
        params={"train.lr": 0.001 * (number + 1) / 3},
        value=0.5 + number / 100 if state in (COMPLETE, PRUNED) else None,
        seed=70 + number,
        attempt=1,
        epochs=tuple(epochs),
        started_ms=started_ms,
        ended_ms=started_ms + 5_000 if is_finished else None,
        reason="diverged" if state == FAIL else None,
        error=TRACEBACK if state == FAIL else None,
        facts={"device": "cpu"} if is_finished else {},
    )
    return replace(trial, **changes)


def make_epoch(started_ms: int, number: int, epoch: int) -> EpochRecord:
    metrics = {"valid_loss": 1 / (epoch + number + 1), "accuracy": 0.1 * epoch + number / 100}
    return EpochRecord(epoch, metrics, started_ms + 1000 * epoch)


def make_trials() -> list[TrialRecord]:
    states = [COMPLETE, PRUNED, FAIL, COMPLETE]
    return [make_trial(number, state) for number, state in enumerate(states)]


def new_db(folder: Path) -> str:
    """Returns the URI of an empty MLflow in `folder`: a copy, since creating the tables takes seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(_empty_db(), folder / "mlflow.db")
    return f"sqlite:///{folder}/mlflow.db"


@cache
def _empty_db() -> Path:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    open_client(f"sqlite:///{folder}/empty.db")
    return Path(folder) / "empty.db"


def shown(uri: str, experiment: str = "docs tests") -> dict[str, dict[str, Any]]:
    """Returns everything an MLflow shows of an experiment, by uid; raises if two runs share one."""
    client = open_client(uri)
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id])
    uids = {run.info.run_id: run.data.tags.get("hpo.trial_uid", run.data.tags["hpo.study_uid"]) for run in runs}
    assert len(set(uids.values())) == len(uids), f"two runs for one trial: {sorted(uids.values())}"
    return {uids[run.info.run_id]: _shown_run(client, run, uids) for run in runs}


def _shown_run(client: Any, run: Any, uids: dict[str, str]) -> dict[str, Any]:
    tags = dict(run.data.tags)
    for name in ("model.uri", "model.champion"):  # each MLflow gives models ids of its own, and compares with its own
        tags.pop(name, None)
    if "mlflow.parentRunId" in tags:
        tags["mlflow.parentRunId"] = uids[tags["mlflow.parentRunId"]]
    histories = {key: client.get_metric_history(run.info.run_id, key) for key in run.data.metrics}
    assert all(math.isfinite(point.value) for points in histories.values() for point in points)
    return {
        "name": run.info.run_name,
        "status": run.info.status,
        "start": run.info.start_time,
        "end": run.info.end_time,
        "tags": tags,
        "params": dict(run.data.params),
        "metrics": {
            key: sorted((point.step, point.timestamp, point.value) for point in points)
            for key, points in histories.items()
        },
        "inputs": [entry.dataset.to_dictionary() for entry in run.inputs.dataset_inputs],
        "artifacts": _artifacts(client, run.info.run_id),
    }


def _artifacts(client: Any, run_id: str, folder: str = "") -> dict[str, str]:
    texts: dict[str, str] = {}
    for entry in client.list_artifacts(run_id, folder):
        if entry.is_dir:
            texts |= _artifacts(client, run_id, entry.path)
        else:
            path = Path(client.download_artifacts(run_id, entry.path))
            texts[entry.path] = path.read_text(encoding="utf-8", errors="surrogateescape")  # pictures, too
    return texts
