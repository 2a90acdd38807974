"""What tests read of a kept model: its folder, and what MLflow has of it."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hpo.model.folder import read_description
from hpo.tracking.client import open_client, resolve_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def described(model: Path) -> dict[str, object]:
    content: dict[str, object] = json.loads((model / "model.json").read_text())
    return content


def trained_answers(study: Path, cache: Path, *, data: str = "docstrings") -> tuple[list[str], np.ndarray]:
    """Returns the test texts of a study's model, and the probabilities that the training process gave them."""
    made = read_description(study / "model").provenance
    (texts,) = cache.glob(f"{data}-*/test.texts.jsonl")
    found = np.load(study / "trials" / f"{made['trial']:04d}" / "test.npy", allow_pickle=False)
    return [json.loads(line) for line in texts.read_text().splitlines()], found


@contextmanager
def mlflow_at(uri: str) -> Iterator[None]:
    """Lets MLflow's fluent calls go to `uri`, its own warnings unheard, the code it loads not on the path after."""
    import mlflow

    path = list(sys.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        yield
    sys.path[:] = path
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # where MLflow keeps the first of them, for its children


def client_of(folder: Path) -> MlflowClient:
    return open_client(resolve_uri(f"sqlite:///{folder}/mlflow.db"))


def study_run(client: MlflowClient) -> Run:
    (experiment,) = [e for e in client.search_experiments() if e.name != "Default"]
    (run,) = [r for r in client.search_runs([experiment.experiment_id]) if "mlflow.parentRunId" not in r.data.tags]
    return run
