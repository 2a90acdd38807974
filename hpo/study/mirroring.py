"""Brings MLflow up to date with the record of a study that nobody drives.

The runs themselves are written by `tracking.tracker`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

    from hpo.contracts.records import EncoderRecord, StudyRecord, TrialRecord


def sync_study(storage: BaseStorage, name: str, folder: Path, uri: str) -> tuple[str, list[str]]:
    """Brings MLflow up to date with one study.

    Returns:
        What was done, in a few words, and the file of what MLflow refuses, if it does.

    Raises:
        ValueError: if MLflow cannot keep runs at `uri`, or the study was not made by hpo.
        ConnectionError: if MLflow cannot be reached or does not answer properly.
    """
    from hpo.machine.locks import StudyHeld, StudyLock
    from hpo.storage.enduring import held
    from hpo.storage.record import is_ended, moved_to, read_distributions, read_study
    from hpo.tracking.mirror import Mirror
    from hpo.tracking.writer import REFUSED_FILE

    place = moved_to(storage, name)
    if place:
        return f"left to the record it has moved to ({place})", []
    study, trials = read_study(storage, name)
    folder = folder.absolute()
    try:
        with StudyLock(folder, name), held(storage, name):
            mirror = Mirror(uri, {name: read_distributions(storage, name)})
            study = replace(study, folder=str(folder))  # it may have been moved
            encoders = _encoders(study, trials)
            n_changed = mirror.sync(study, trials, folder, is_finished=is_ended(storage, name), encoders=encoders)
    except StudyHeld as error:
        return f"left to its driver ({error})", []
    done = f"{n_changed} of {len(trials) + 1 + len(encoders)} runs created or changed"
    if mirror.refused:
        return f"{done}, {len(mirror.refused)} refused", [str(folder / REFUSED_FILE)]
    return done if n_changed else "already complete", []


def _encoders(study: StudyRecord, trials: Sequence[TrialRecord]) -> list[EncoderRecord]:
    """Returns the encoders that a study's trials started from, as far as they were trained here and still lie there."""
    from hpo.machine.paths import expanded
    from hpo.trainers.awd_lstm.encoders.record import finished_record
    from hpo.trainers.awd_lstm.network.encoder import read_encoder

    data = study.config.get("data")
    cache = expanded(str(data.get("cache"))) if isinstance(data, Mapping) else Path()
    encoders = []
    facts = ("encoder", "backward_encoder")
    for name in sorted({trial.facts[fact] for trial in trials for fact in facts if fact in trial.facts}):
        with suppress(ValueError):
            encoder = read_encoder(cache / name)
            if encoder.history:
                encoders.append(finished_record(encoder, experiment=study.experiment, folder=study.folder))
    return encoders
