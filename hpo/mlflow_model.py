"""What MLflow shows of a study's model: the evaluation on the study's run, and the model itself.

Everything comes from the model's folder, so that `sync` can bring it at any time.
"""

from __future__ import annotations

from pathlib import Path

from hpo.mlflow_models import ModelJob, log_model
from hpo.mlflow_runs import StudyRuns
from hpo.model.description import digest_of
from hpo.model.folder import CARD, EVALUATION, PAGE, read_description
from hpo.record import StudyRecord

DIGEST_TAG, EVALUATION_TAG = "model.digest", "model.evaluation"
FOLDER = "evaluation"


def write_model_of(study: StudyRecord, runs: StudyRuns, folder: Path, *, uri: str) -> bool:
    """Writes what the run of a study lacks of its model; returns whether it lacked anything.

    Raises:
        ValueError: If the folder is damaged.
        Exception: Whatever MLflow raises; nothing counts as written then.
    """
    description = read_description(folder)
    run_id, tags = runs.tags(study.uid)
    digest = digest_of(description)
    is_changed = False
    if tags.get(EVALUATION_TAG) != digest:
        for name in (CARD, EVALUATION, PAGE):
            if (folder / name).is_file():
                runs.add_file(study.uid, folder / name, FOLDER)
        runs.add_tags(study.uid, {EVALUATION_TAG: digest})
        is_changed = True
    if description.is_logged and tags.get(DIGEST_TAG) != digest:
        runs.add_tags(study.uid, log_model(uri, ModelJob(folder, run_id, runs.experiment_id)))
        is_changed = True
    return is_changed
