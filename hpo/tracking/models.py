"""What MLflow shows of a study's models: on each one's run its evaluation, and the model itself.

Everything comes from the model's folder, so that `sync` can bring it at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hpo.artifacts.folders import MODEL_FOLDER, MODELS_FOLDER
from hpo.contracts.records import StudyRecord
from hpo.model.folder import CARD, TESTED, digest_of, read_description
from hpo.tracking.model_process import ModelProcess
from hpo.tracking.registered_models import ModelJob
from hpo.tracking.runs import StudyRuns
from hpo.tracking.trial import trial_uid

DIGEST_TAG, EVALUATION_TAG = "model.digest", "model.evaluation"
FOLDER = "evaluation"


def write_models(study: StudyRecord, runs: StudyRuns, folder: Path, *, process: Callable[[], ModelProcess]) -> bool:
    """Writes what the runs of a study lack of its models; returns whether they lacked anything.

    Args:
        study: The study.
        runs: Its runs, which are there.
        folder: Its folder.
        process: Returns what logs models.

    Raises:
        ValueError: If a model's folder is damaged.
        Exception: Whatever MLflow raises; nothing counts as written then.
    """
    is_changed, jobs = False, dict[str, ModelJob]()
    for uid, model in _kept(study, folder).items():
        if not runs.has(uid):  # MLflow refuses it
            continue
        description = read_description(model)
        run_id, tags = runs.tags(uid)
        digest = digest_of(description)
        if tags.get(EVALUATION_TAG) != digest:
            for name in (CARD, *TESTED):
                if (model / name).is_file():
                    runs.add_file(uid, model / name, FOLDER)
            runs.add_tags(uid, {EVALUATION_TAG: digest})
            is_changed = True
        if description.is_logged and tags.get(DIGEST_TAG) != digest:
            jobs[uid] = ModelJob(model, run_id, runs.experiment_id)
    if jobs:
        for uid, said in zip(jobs, process().log(list(jobs.values())), strict=True):
            runs.add_tags(uid, said)
    return is_changed or bool(jobs)


def _kept(study: StudyRecord, folder: Path) -> dict[str, Path]:
    """Returns the folders of a study's models by the uid of the run each belongs to."""
    own = {study.uid: folder / MODEL_FOLDER} if (folder / MODEL_FOLDER).is_dir() else {}
    paths = sorted(path for path in (folder / MODELS_FOLDER).glob("[0-9]*") if path.is_dir())
    return {**own, **{trial_uid(study, int(path.name)): path for path in paths}}
