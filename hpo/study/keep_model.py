"""Keeps the model of a study that ended: the weights of the chosen trial with everything needed to use them.

Which trial that is, the study's role says; what lies in the folder is `folder`'s business.
"""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from hpo import __version__
from hpo.artifacts.folders import BEST_FOLDER, MODEL_FOLDER, MODELS_FOLDER, trial_folder
from hpo.artifacts.folders import WEIGHTS as TRIAL_FILES
from hpo.artifacts.remote import fetch_weights, remote_trial
from hpo.config.schema import Config, ModelLog, Tokenizer
from hpo.contracts.records import COMPLETE, StudyRecord, TrialRecord
from hpo.data.corpus import Corpus, open_corpus
from hpo.data.tokens import tokenizer_versions
from hpo.machine.files import hash_bytes
from hpo.machine.remote import RemoteAway
from hpo.model.documents import evaluation_page, model_card
from hpo.model.figures import draw_evaluation
from hpo.model.folder import (
    CARD,
    EVALUATION,
    PAGE,
    TESTED,
    WEIGHTS,
    Description,
    TokenizerSettings,
    read_description,
    read_file,
    write_model,
)
from hpo.study.driver import Driver
from hpo.trainers.evaluation import HAS_READ_TEST

PACKAGES = ("torch", "fastai", "spacy", "numpy", "pandas", "safetensors")
_log = logging.getLogger("hpo.model")


def keep_model(driver: Driver, search: Driver, *, is_finished: bool) -> None:
    """Puts the model of a study into the folder of its search, if it has one; an older one goes. With
    `model.log=all` those of all complete trials, too.

    An interrupted search leaves its best so far, but never in the place of a model that was tested; an interrupted
    confirmation has not chosen yet.

    Args:
        driver: Drove the study that the model comes from: the search, or its confirmation.
        search: Drove the search.
        is_finished: Whether `driver` was not interrupted.
    """
    chosen = set(driver.role.to_keep(driver.study, driver.trials))
    best = driver.study.best([trial for trial in driver.trials if trial.number in chosen])
    target = Path(search.study.folder) / MODEL_FOLDER
    may_keep = is_finished or (driver is search and not _is_tested(target))
    try:
        if best is not None and may_keep:
            _keep_trial(driver, best, target)
        if driver is search and driver.role.config.model.log is ModelLog.all:
            for trial in driver.trials:
                if trial.state == COMPLETE:
                    _keep_trial(driver, trial, target.with_name(MODELS_FOLDER) / f"{trial.number:04d}")
    except (OSError, RemoteAway) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        _log.warning("The model could not be kept in %s: %s; the same command tries again.", target, reason)


def _keep_trial(driver: Driver, trial: TrialRecord, target: Path) -> None:
    """Keeps the model of a trial, if it has left its weights."""
    folder = trial_folder(Path(driver.study.folder), trial.number)
    if remote := remote_trial(driver.role.config.storage, driver.study, trial.number):
        fetch_weights(remote, folder)
    if not all((folder / name).is_file() for name in TRIAL_FILES):
        return
    test = {"test": dict(driver.test_of(trial.number))}
    if driver.role.corpus is None:
        made = _origin(driver.study, trial) | test
        place = target if target.parent.name == MODELS_FOLDER else target.with_name(BEST_FOLDER)
        driver.role.config.trainer.keep(folder, place, made)
        return
    corpus = open_corpus(driver.role.corpus)
    made = _provenance(driver.study, trial, corpus) | test
    _keep(folder, target, _describe(folder, driver.role.config, corpus, made))


def _keep(folder: Path, target: Path, description: Description) -> None:
    """Writes the model unless it is there already."""
    files = {name: folder / name for name in (WEIGHTS, EVALUATION) if (folder / name).is_file()}
    if EVALUATION in files:
        hashes = {**description.files, EVALUATION: hash_bytes(files[EVALUATION].read_bytes())}
        description = replace(description, files=hashes)
    if not _is_kept(target, description):
        write_model(target, description, files, _for_people(description, files))


def _is_tested(target: Path) -> bool:
    try:
        return bool(read_description(target).provenance.get("test"))
    except ValueError:
        return False


def _for_people(description: Description, files: Mapping[str, Path]) -> dict[str, bytes]:
    """Returns what people read and look at of a model, by file name."""
    if EVALUATION not in files:
        return {CARD: _utf8(model_card(description))}
    made, evaluation = description.provenance, json.loads(files[EVALUATION].read_text())
    card = {CARD: _utf8(model_card(description, has_read_test=bool(evaluation.get(HAS_READ_TEST))))}
    page = evaluation_page(evaluation, made["test"], title=f"Trial {made['trial']} of {made['study']}")
    return {**card, PAGE: _utf8(page), **draw_evaluation(evaluation)}


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _is_kept(target: Path, description: Description) -> bool:
    """Returns whether the model is there as it was written, and whole."""
    names = (CARD, *(TESTED if EVALUATION in description.files else ()))
    try:
        if read_description(target) != description or not all((target / name).is_file() for name in names):
            return False
        return all(read_file(target, description, name) for name in description.files)
    except ValueError:
        return False


def _describe(folder: Path, config: Config, corpus: Corpus, made: dict[str, object]) -> Description:
    weights = json.loads((folder / TRIAL_FILES[-1]).read_text())
    data, tokenizer = config.data, Tokenizer[str(corpus.facts["tokenizer"])]
    return Description(
        architecture=weights["architecture"],
        n_params=weights["n_params"],
        vocab=weights.get("vocab", corpus.vocab),  # of a model that has words of its own, and reads whole texts
        classes=corpus.classes,
        tokenizer=TokenizerSettings(
            tokenizer.name,
            weights.get("max_tokens", data.max_tokens),
            data.keep.name,
            tokenizer_versions(tokenizer),
        ),
        provenance=made,
        files={WEIGHTS: weights["sha256"]},
        is_logged=config.model.log is not ModelLog.none,
    )


def _provenance(study: StudyRecord, trial: TrialRecord, corpus: Corpus) -> dict[str, object]:
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {
        **_origin(study, trial),
        "data": corpus.facts.get("name", ""),
        "data_fingerprint": corpus.fingerprint,
        "git_commit": study.tags.get("git_commit", "none"),
        "versions": {"hpo": __version__, "python": platform.python_version(), **versions},
    }


def _origin(study: StudyRecord, trial: TrialRecord) -> dict[str, object]:
    return {
        "study": study.name,
        "study_uid": study.uid,
        "experiment": study.experiment,
        "trial": trial.number,
        "params": dict(trial.params),
        "metric": study.metric,
        "direction": study.direction,
        "value": trial.value,
        "seed": trial.seed,
        "facts": dict(trial.facts),
    }
