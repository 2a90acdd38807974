"""Logs a kept model in MLflow: stored, loaded again, compared, then registered.

The process that does it is `model_process`'s business; when a model is due is decided by `writer`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from hpo.contracts.records import test_name
from hpo.model.folder import Description, digest_of
from hpo.tracking.client import open_client
from hpo.tracking.errors import Told, is_written_twice

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

NAME, ALIAS, TYPE = "model", "champion", "text-classification"
DIGEST, FINGERPRINT, COMPARED = "hpo.digest", "hpo.data_fingerprint", "hpo.compared"
TOLERANCE = 1e-6
_ELECTIONS = 5  # how often the alias is given before others are left to it
EXAMPLES = ("This is a text.", "Another one, to be told apart from it!")


@dataclass(frozen=True)
class ModelJob:
    """A model to log: its folder, and the run it is logged on."""

    folder: Path
    run_id: str
    experiment_id: str


def log_model(uri: str, job: ModelJob) -> dict[str, str]:
    """Logs a model, and returns what its run is to say of it: where it is, whether it is the champion."""
    import mlflow

    from hpo.model.folder import read_description

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = open_client(uri)
    description = read_description(job.folder)
    model_id = _find(client, job, digest_of(description)) or _store(client, job, description)
    return {
        "model.uri": f"models:/{model_id}",
        "model.champion": _register(client, job, description, model_id),
        "model.digest": digest_of(description),  # what says that all of it is done
    }


def _find(client: MlflowClient, job: ModelJob, digest: str) -> str | None:
    """Returns the id of the model if it is stored and compared; what was left half done is deleted."""
    found: str | None = None
    for model in client.search_logged_models([job.experiment_id], filter_string=f"tags.`{DIGEST}` = '{digest}'"):
        if model.source_run_id == job.run_id:
            if COMPARED in model.tags and found is None:
                found = model.model_id
            else:
                client.delete_logged_model(model.model_id)
    return found


def _store(client: MlflowClient, job: ModelJob, description: Description) -> str:
    """Stores the model, loads it again, compares, and only then lets it count as stored."""
    from mlflow.entities import LoggedModelOutput

    made = description.provenance
    model = client.create_logged_model(
        job.experiment_id,
        name=NAME,
        source_run_id=job.run_id,
        tags={DIGEST: digest_of(description), FINGERPRINT: made["data_fingerprint"]},
        params={path: str(value) for path, value in made["params"].items()},
        model_type=TYPE,
    )
    try:
        with TemporaryDirectory() as folder:
            _save(Path(folder) / "model", job, model)
            client.log_model_artifacts(model.model_id, str(Path(folder) / "model"))
        client.finalize_logged_model(model.model_id, "READY")  # nothing else can be loaded
        _compare(model.model_id, job.folder, description)
        client.set_logged_model_tags(model.model_id, {COMPARED: "true"})
        client.log_outputs(job.run_id, models=[LoggedModelOutput(model.model_id, step=0)])
    except BaseException:
        client.delete_logged_model(model.model_id)
        raise
    return str(model.model_id)


def _save(path: Path, job: ModelJob, stored: Any) -> None:
    import mlflow
    import pandas as pd
    from mlflow.models import Model
    from mlflow.models.signature import ModelSignature
    from mlflow.types import ColSpec, Schema

    from hpo.model import code
    from hpo.model.folder import read_description

    classes = read_description(job.folder).classes
    outputs = [ColSpec("string", "label", required=False), ColSpec("double", "probability", required=False)]
    outputs += [ColSpec("string", "note")]
    outputs += [ColSpec("double", f"probability.{name}", required=False) for name in classes]
    with TemporaryDirectory() as folder:
        mlflow.pyfunc.save_model(
            path=str(path),
            mlflow_model=Model(
                artifact_path=stored.artifact_location,
                model_uuid=stored.model_id,
                run_id=job.run_id,
                model_id=stored.model_id,
            ),
            python_model=str(Path(code.__file__).with_name("serving.py")),
            artifacts={"model": str(job.folder)},
            code_paths=[str(code.copy_code(Path(folder)))],
            signature=ModelSignature(inputs=Schema([ColSpec("string", "text")]), outputs=Schema(outputs)),
            input_example=pd.DataFrame({"text": list(EXAMPLES)}),
            pip_requirements=code.requirements(),
        )


def _compare(model_id: str, folder: Path, description: Description) -> None:
    """Refuses a stored model that does not give the probabilities of the folder it was made from."""
    import mlflow
    import numpy as np
    import pandas as pd

    from hpo.model.answers import TextModel, as_columns

    texts = [*EXAMPLES, " ".join(description.vocab[9:60]), "", *description.vocab[9:20]]
    wanted = pd.DataFrame(as_columns(TextModel(folder).answer(texts), description.classes))
    found = mlflow.pyfunc.load_model(f"models:/{model_id}").predict(pd.DataFrame({"text": texts}))
    numbers = [f"probability.{name}" for name in description.classes]
    one, other = (np.array(table[numbers], dtype=float) for table in (wanted, found))
    if not np.allclose(one, other, rtol=0, atol=TOLERANCE, equal_nan=True):
        raise Told("gives back a model with other probabilities than were stored", is_permanent=False)


def _register(client: MlflowClient, job: ModelJob, description: Description, model_id: str) -> str:
    """Makes the model the champion of its experiment if it beats the present one; returns what came of it."""
    from mlflow.exceptions import MlflowException

    made = description.provenance
    test: Mapping[str, float] = made.get("test") or {}
    metric = test_name(made["metric"])
    if metric not in test:
        return "no: it was not tested"
    name = str(made["experiment"]).replace("/", "_").replace(":", "_")
    tags = {DIGEST: digest_of(description), FINGERPRINT: made["data_fingerprint"], "hpo.study": made["study"]}
    tags |= {key: repr(value) for key, value in test.items()}
    version: ModelVersion | None = None
    for _ in range(_ELECTIONS):
        champion = _champion(client, name)
        if champion is not None:
            if champion.tags.get(DIGEST) == tags[DIGEST]:
                return f"yes: version {champion.version} of {name}"
            if reason := _why_kept(champion, name, tags, metric):
                return reason
        version = version or _version(client, name, job.run_id, tags[DIGEST])
        if version is None:
            version = client.create_model_version(
                name, source=f"models:/{model_id}", run_id=job.run_id, tags=tags, model_id=model_id
            )
        try:
            client.set_registered_model_alias(name, ALIAS, version.version)
        except MlflowException as error:
            if not is_written_twice(error):
                raise
        # other studies give the alias away as well, perhaps this very moment: look who has it now
    raise Told(f"has the alias {ALIAS} of {name} given away again and again", is_permanent=False)


def _why_kept(champion: ModelVersion, name: str, tags: Mapping[str, str], metric: str) -> str:
    """Returns why the champion stays, empty if the model with these tags beats it."""
    if champion.tags.get(FINGERPRINT) != tags[FINGERPRINT]:
        return f"no: version {champion.version} of {name} was tested on other data; remove its alias to replace it"
    if metric in champion.tags and _beats(float(tags[metric]), float(champion.tags[metric]), metric):
        return ""
    return f"no: version {champion.version} of {name} has {metric} {champion.tags.get(metric)}"


def _champion(client: MlflowClient, name: str) -> ModelVersion | None:
    """Returns the version with the alias, None if there is none; the registered model is created if need be."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
        return None
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    aliases: Mapping[str, str] = client.get_registered_model(name).aliases
    return client.get_model_version(name, aliases[ALIAS]) if ALIAS in aliases else None


def _version(client: MlflowClient, name: str, run_id: str, digest: str) -> ModelVersion | None:
    """Returns the version that was made of a model before, None if there is none."""
    found = client.search_model_versions(f"run_id='{run_id}'")
    return next((version for version in found if version.name == name and version.tags.get(DIGEST) == digest), None)


def _beats(value: float, held: float, metric: str) -> bool:
    return value < held if metric == "test_loss" else value > held
